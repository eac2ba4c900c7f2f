SELECT id, filter FROM connector WHERE filter IS NOT NULL ORDER BY id
