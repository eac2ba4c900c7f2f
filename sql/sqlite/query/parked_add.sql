INSERT INTO parked (connector, sequence, reason, attempts, parked_at_ms, bytes, perhaps_sent)
SELECT connector, sequence, ?3, attempts + 1, ?4, bytes, perhaps_sent = 1 FROM entry WHERE connector = ?1 AND sequence = ?2
ON CONFLICT (connector, sequence) DO UPDATE SET reason = excluded.reason, parked_at_ms = excluded.parked_at_ms
