-- As entry_next, of parked messages.
SELECT parked.sequence, parked.attempts, parked.perhaps_sent,
       message.message_id, message.target, message.action, message.bug, message.object, message.change_set,
       message.committed_at_ms, body.bytes, body.event_bytes, message.sequence IS NULL, body.sequence IS NULL,
       parked.bytes, parked.reason, parked.parked_at_ms
FROM connector
CROSS JOIN parked ON parked.connector = connector.id
LEFT JOIN message ON message.sequence = parked.sequence
LEFT JOIN body ON body.sequence = parked.sequence
WHERE connector.name = :connector AND parked.sequence > :after
ORDER BY parked.sequence
LIMIT :limit
