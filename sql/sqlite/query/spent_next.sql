SELECT rowid, first, last FROM spent ORDER BY rowid LIMIT 1
