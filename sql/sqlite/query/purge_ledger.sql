-- Of the keys behind ?1, up to ?2. ?3: how long told facts are kept, ?4: now, in milliseconds.
-- Counted back from where the next run begins to look: from the checkpoint (when it came there, and the save that it stands behind)
-- and from the sweep's mark. A store of an older version lacks some of them. While the past is told, which is told now and dated
-- long ago, the dates count: the sweep and the ways in whose positions are times look by them alone. Local times, in any zone, are
-- less than half a day behind the true ones. What was told since the checkpoint came where it is may be a part of a transaction
-- that will be read again, but not while the source waits for the past.
DELETE FROM ledger
WHERE key > ?1 AND key <= ?2
  AND EXISTS (
    SELECT 1 FROM state
    WHERE id = 1
      AND (told_at_ms < min(ifnull(position_since_ms, ?4), ifnull(committed_at * 1000, ?4), ifnull(swept_until * 1000, ?4)) - ?3
           OR ((saved_at + 43200) * 1000 < min(committed_at, swept_until) * 1000 - ?3
               AND (sweep_first IS NOT NULL OR told_at_ms < position_since_ms - ?3)))
  )
