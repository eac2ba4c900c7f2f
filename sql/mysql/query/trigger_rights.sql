-- Tries what bugrelay's account needs on the queue, without touching a row (triggers check).
SELECT id FROM {queue} LIMIT 0;
DELETE FROM {queue} WHERE id = 0;
SELECT one FROM {valve} LIMIT 0;
UPDATE {valve} SET closed_above = closed_above WHERE one = 0
