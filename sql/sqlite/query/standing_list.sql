-- All of them, or the one that is asked for.
SELECT id, name, attempts, next_attempt_ms, last_error, class, paused, filter IS NOT NULL AS subscribed
FROM connector
WHERE ?1 IS NULL OR name = ?1
ORDER BY name
