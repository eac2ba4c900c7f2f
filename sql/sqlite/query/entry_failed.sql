UPDATE entry SET attempts = attempts + 1, perhaps_sent = perhaps_sent OR ?3 WHERE connector = ?1 AND sequence = ?2
