-- The first message behind ?1 that is old enough to be looked at.
SELECT sequence, put_at_ms FROM message WHERE sequence > ?1 ORDER BY sequence LIMIT 1
