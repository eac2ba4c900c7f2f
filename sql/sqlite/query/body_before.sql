-- The first of the ?2 rows before this one, or the nearest to it.
SELECT min(sequence) FROM (SELECT sequence FROM body WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT ?2)
