-- Seconds since 1970; NULL when nothing waits.
SELECT min(message.committed_at_ms) / 1000
FROM connector
JOIN message ON message.sequence = (SELECT min(sequence) FROM entry WHERE entry.connector = connector.id)
