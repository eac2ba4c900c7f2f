SELECT sequence, bytes FROM parked WHERE connector = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT ?4
