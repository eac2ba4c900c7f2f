-- Gone from the configuration, and nothing of theirs is left. One that was paused stays so until it is resumed.
DELETE FROM connector
WHERE filter IS NULL
  AND paused = 0
  AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.connector = connector.id)
  AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.connector = connector.id)
