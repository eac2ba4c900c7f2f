INSERT INTO ledger (kind, id, told_at_ms) VALUES (?1, ?2, ?3) ON CONFLICT (kind, id) DO NOTHING
