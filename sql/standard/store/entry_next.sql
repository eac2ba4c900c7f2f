-- LEFT: an entry of which something is missing is found too. perhaps_sent is -1 of one that was put back: the flight is not its own.
SELECT e.sequence, e.attempts,
       CASE WHEN e.perhaps_sent = 1 OR (e.perhaps_sent = 0 AND e.sequence BETWEEN e.flight_first AND e.flight_last) THEN 1 ELSE 0 END,
       e.bytes, m.message_id, m.target, m.action, m.bug, m.object, m.change_set, m.committed_at_ms
FROM (
    SELECT entry.sequence, entry.attempts, entry.perhaps_sent, entry.bytes, connector.flight_first, connector.flight_last
    FROM {schema}.connector
    JOIN {schema}.entry ON entry.site = connector.site AND entry.connector = connector.id
    WHERE connector.site = {site} AND connector.name = {name} AND entry.sequence > {after}
    ORDER BY entry.sequence
    LIMIT {limit}
) e
LEFT JOIN {schema}.message m ON m.site = {site} AND m.sequence = e.sequence
ORDER BY e.sequence
