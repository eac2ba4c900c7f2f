DELETE FROM body
WHERE sequence BETWEEN ?1 AND ?2
  AND NOT EXISTS (
    SELECT 1 FROM connector
    WHERE EXISTS (SELECT 1 FROM entry WHERE entry.connector = connector.id AND entry.sequence = body.sequence)
       OR EXISTS (SELECT 1 FROM parked WHERE parked.connector = connector.id AND parked.sequence = body.sequence)
  )
