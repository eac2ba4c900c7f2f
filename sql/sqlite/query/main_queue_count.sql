-- Messages that some well connector has not sent yet, each counted at the first such connector.
WITH well AS (SELECT id FROM connector WHERE attempts = 0 AND paused = 0 AND filter IS NOT NULL)
SELECT count(*)
FROM well
CROSS JOIN entry ON entry.connector = well.id
WHERE NOT EXISTS (
    SELECT 1 FROM well AS earlier
    CROSS JOIN entry AS same ON same.connector = earlier.id AND same.sequence = entry.sequence
    WHERE earlier.id < well.id
  )
