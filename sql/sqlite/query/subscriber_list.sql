SELECT id, filter, name FROM connector WHERE filter IS NOT NULL ORDER BY id
