DELETE FROM entry WHERE connector = ?1 AND sequence BETWEEN ?2 AND ?3
