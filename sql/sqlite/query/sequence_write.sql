UPDATE state SET last_sequence = ?1 WHERE id = 1
