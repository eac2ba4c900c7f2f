DELETE FROM relayed WHERE put_at_ms <= ?1
