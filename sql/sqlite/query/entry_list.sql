-- What is known of a connector's entries without their bodies. One of which something is missing is parked by the next attempt.
SELECT entry.sequence, entry.attempts,
       entry.perhaps_sent = 1 OR (entry.perhaps_sent = 0 AND ifnull(entry.sequence BETWEEN connector.flight_first AND connector.flight_last, 0)),
       message.message_id, message.target, message.action, message.bug, message.object, message.committed_at_ms, entry.bytes
FROM connector
CROSS JOIN entry ON entry.connector = connector.id
CROSS JOIN message ON message.sequence = entry.sequence
WHERE connector.name = :connector AND entry.sequence > :after
ORDER BY entry.sequence
LIMIT :limit
