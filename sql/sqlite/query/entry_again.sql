-- A parked message waits again. -1: whatever is in flight around it just now, it is not.
INSERT INTO entry (connector, sequence, bytes, attempts, perhaps_sent)
SELECT connector, sequence, bytes, attempts, iif(perhaps_sent, 1, -1) FROM parked WHERE connector = ?1 AND sequence = ?2
ON CONFLICT (connector, sequence) DO NOTHING
