-- With nothing left it could fail with, a connector is well.
UPDATE connector
SET attempts = 0, next_attempt_ms = NULL, last_error = NULL, class = NULL
WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.connector = ?1)
