INSERT INTO parked (connector, sequence, reason, attempts, parked_at_ms)
SELECT connector, sequence, ?3, attempts + 1, ?4 FROM entry WHERE connector = ?1 AND sequence = ?2
ON CONFLICT (connector, sequence) DO UPDATE SET reason = excluded.reason, parked_at_ms = excluded.parked_at_ms
