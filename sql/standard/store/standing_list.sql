SELECT name, attempts, next_attempt_ms, last_error, class, paused, CASE WHEN filter IS NULL THEN 0 ELSE 1 END, id
FROM {schema}.connector
WHERE site = {site}
