SELECT count(*) FROM parked WHERE connector = ?1
