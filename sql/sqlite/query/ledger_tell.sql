-- Changes nothing if it was told before. With another second it is not the same: the server gave its id out again.
INSERT INTO ledger (key, told_at_ms, saved_at) VALUES (?1, ?2, ?3)
ON CONFLICT (key) DO UPDATE SET told_at_ms = excluded.told_at_ms, saved_at = excluded.saved_at
WHERE ledger.saved_at <> excluded.saved_at
