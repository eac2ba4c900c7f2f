DELETE FROM message
WHERE sequence BETWEEN ?1 AND ?2
  AND put_at_ms <= ?3
  AND NOT EXISTS (
    SELECT 1 FROM connector
    WHERE EXISTS (SELECT 1 FROM entry WHERE entry.connector = connector.id AND entry.sequence = message.sequence)
       OR EXISTS (SELECT 1 FROM parked WHERE parked.connector = connector.id AND parked.sequence = message.sequence)
  )
