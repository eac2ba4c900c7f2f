-- Set aside by hand. What is in flight was perhaps sent.
INSERT INTO parked (connector, sequence, reason, attempts, parked_at_ms, bytes, perhaps_sent)
SELECT entry.connector, entry.sequence, ?3, entry.attempts, ?4, entry.bytes,
       entry.perhaps_sent = 1 OR (entry.perhaps_sent = 0 AND ifnull(entry.sequence BETWEEN connector.flight_first AND connector.flight_last, 0))
FROM connector
CROSS JOIN entry ON entry.connector = connector.id
WHERE connector.id = ?1 AND entry.sequence = ?2
ON CONFLICT (connector, sequence) DO UPDATE SET reason = excluded.reason, parked_at_ms = excluded.parked_at_ms
