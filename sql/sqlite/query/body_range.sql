SELECT sequence, bytes, event_bytes FROM body WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence
