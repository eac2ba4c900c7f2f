INSERT INTO ledger (key, told_at_ms) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING
