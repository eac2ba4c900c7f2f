INSERT INTO relayed (message_id, digest, sequence, put_at_ms) VALUES (?1, ?2, ?3, ?4)
