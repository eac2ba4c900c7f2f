-- The last of the ?2 rows behind this one, or the nearest to it.
SELECT max(sequence) FROM (SELECT sequence FROM body WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2)
