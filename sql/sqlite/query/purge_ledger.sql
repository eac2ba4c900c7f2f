-- Not what was told since the checkpoint stands where it is: what follows it is read again after a crash.
DELETE FROM ledger
WHERE told_at_ms <= ?1
  AND told_at_ms < (SELECT ifnull(position_since_ms, 9223372036854775807) FROM state WHERE id = 1)
