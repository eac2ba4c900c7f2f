-- CROSS JOIN fixes the order of the loops: along the connector's entries.
SELECT entry.sequence, entry.attempts,
       entry.perhaps_sent OR ifnull(entry.sequence BETWEEN connector.flight_first AND connector.flight_last, 0),
       message.message_id, message.target, message.action, message.bug, message.object, message.change_set,
       message.committed_at_ms, body.bytes, body.event_bytes
FROM connector
CROSS JOIN entry ON entry.connector = connector.id
CROSS JOIN message ON message.sequence = entry.sequence
CROSS JOIN body ON body.sequence = entry.sequence
WHERE connector.name = :connector
ORDER BY entry.sequence
LIMIT :limit
