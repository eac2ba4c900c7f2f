SELECT 1 FROM ledger WHERE key = ?1
