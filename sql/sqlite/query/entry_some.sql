SELECT sequence, bytes FROM entry WHERE connector = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT ?4
