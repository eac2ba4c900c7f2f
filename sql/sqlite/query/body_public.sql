-- Bodies that carry more than their event, and what they are about.
SELECT body.sequence, message.target, message.bug, message.object
FROM body
CROSS JOIN message ON message.sequence = body.sequence
WHERE body.sequence > ?1 AND body.event_bytes > 0
ORDER BY body.sequence
LIMIT ?2
