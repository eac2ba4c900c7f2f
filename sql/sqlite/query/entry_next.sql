-- The joins keep the order of the loops: along the connector's entries. LEFT: an entry of which something is missing is found too.
SELECT entry.sequence, entry.attempts,
       entry.perhaps_sent = 1 OR (entry.perhaps_sent = 0 AND ifnull(entry.sequence BETWEEN connector.flight_first AND connector.flight_last, 0)),
       message.message_id, message.target, message.action, message.bug, message.object, message.change_set,
       message.committed_at_ms, body.bytes, body.event_bytes, message.sequence IS NULL, body.sequence IS NULL,
       entry.bytes
FROM connector
CROSS JOIN entry ON entry.connector = connector.id
LEFT JOIN message ON message.sequence = entry.sequence
LEFT JOIN body ON body.sequence = entry.sequence
WHERE connector.name = :connector AND entry.sequence > :after
ORDER BY entry.sequence
LIMIT :limit
