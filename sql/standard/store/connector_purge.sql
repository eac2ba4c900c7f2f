-- Gone from the configuration, and nothing of theirs is left. One that was paused stays so until it is resumed.
DELETE FROM {schema}.connector
WHERE site = {site} AND filter IS NULL AND paused = 0
  AND NOT EXISTS (SELECT 1 FROM {schema}.entry e WHERE e.site = {site} AND e.connector = {schema}.connector.id)
  AND NOT EXISTS (SELECT 1 FROM {schema}.parked p WHERE p.site = {site} AND p.connector = {schema}.connector.id)
