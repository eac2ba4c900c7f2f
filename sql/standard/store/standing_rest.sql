-- With nothing left it could fail with, a connector is well.
UPDATE {schema}.connector
SET attempts = 0, next_attempt_ms = NULL, last_error = NULL, class = NULL
WHERE site = {site} AND id = {id} AND NOT EXISTS (SELECT 1 FROM {schema}.entry WHERE entry.site = {site} AND entry.connector = {id})
