DELETE FROM parked WHERE connector = ?1 AND sequence BETWEEN ?2 AND ?3
