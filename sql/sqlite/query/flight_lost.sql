-- Nothing more was heard of these.
UPDATE entry SET perhaps_sent = 1 WHERE connector = ?1 AND sequence BETWEEN ?2 AND ?3 AND perhaps_sent = 0
