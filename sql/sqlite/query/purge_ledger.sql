DELETE FROM ledger WHERE told_at_ms <= ?1
