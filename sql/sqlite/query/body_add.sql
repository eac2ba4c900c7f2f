INSERT INTO body (sequence, bytes, event_bytes) VALUES (?1, ?2, ?3)
