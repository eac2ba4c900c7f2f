INSERT INTO entry (connector, sequence, bytes) VALUES (?1, ?2, ?3)
