-- What is known of parked messages without their bodies. LEFT: one of which something is missing is found too.
SELECT parked.sequence, parked.attempts, parked.perhaps_sent,
       message.message_id, message.target, message.action, message.bug, message.object, message.committed_at_ms, parked.bytes,
       parked.reason, parked.parked_at_ms, message.sequence IS NULL
FROM connector
CROSS JOIN parked ON parked.connector = connector.id
LEFT JOIN message ON message.sequence = parked.sequence
WHERE connector.name = :connector AND parked.sequence > :after
ORDER BY parked.sequence
LIMIT :limit
