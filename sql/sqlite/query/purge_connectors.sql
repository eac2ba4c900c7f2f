-- Gone from the configuration, and nothing of theirs is left.
DELETE FROM connector
WHERE filter IS NULL
  AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.connector = connector.id)
  AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.connector = connector.id)
