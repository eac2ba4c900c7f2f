UPDATE entry SET attempts = attempts + 1, perhaps_sent = max(perhaps_sent, ?3) WHERE connector = ?1 AND sequence = ?2
