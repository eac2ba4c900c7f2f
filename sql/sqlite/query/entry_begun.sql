UPDATE entry SET perhaps_sent = 0 WHERE connector = ?1 AND sequence = ?2
