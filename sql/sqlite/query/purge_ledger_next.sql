-- The last of so many keys behind ?1; NULL: there is none.
SELECT max(key) FROM (SELECT key FROM ledger WHERE key > ?1 ORDER BY key LIMIT ?2)
