-- Messages that some well connector has not sent yet, each counted at the first such connector.
SELECT count(*)
FROM connector
CROSS JOIN entry ON entry.connector = connector.id
WHERE connector.attempts = 0
  AND NOT EXISTS (
    SELECT 1 FROM connector AS earlier
    CROSS JOIN entry AS same ON same.connector = earlier.id AND same.sequence = entry.sequence
    WHERE earlier.attempts = 0 AND earlier.id < connector.id
  )
