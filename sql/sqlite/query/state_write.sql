UPDATE state SET last_sequence = ?1, position = ?2, committed_at = ?3 WHERE id = 1
