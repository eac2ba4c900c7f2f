SELECT sequence, perhaps_sent < 0 FROM entry WHERE connector = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence
