-- As entry_next, of parked messages.
SELECT p.sequence, p.attempts, p.perhaps_sent, p.bytes, m.message_id, m.target, m.action, m.bug, m.object, m.change_set,
       m.committed_at_ms, p.reason, p.parked_at_ms
FROM (
    SELECT parked.sequence, parked.attempts, parked.perhaps_sent, parked.bytes, parked.reason, parked.parked_at_ms
    FROM {schema}.connector
    JOIN {schema}.parked ON parked.site = connector.site AND parked.connector = connector.id
    WHERE connector.site = {site} AND connector.name = {name} AND parked.sequence > {after}
    ORDER BY parked.sequence
    LIMIT {limit}
) p
LEFT JOIN {schema}.message m ON m.site = {site} AND m.sequence = p.sequence
ORDER BY p.sequence
