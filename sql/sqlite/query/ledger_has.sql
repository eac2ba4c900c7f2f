SELECT 1 FROM ledger WHERE key = ?1 AND ifnull(saved_at, ?2) = ?2
