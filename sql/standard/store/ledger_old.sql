-- Whether a fact is to be forgotten: a part of ledger_next and ledger_purge.
-- Counted back from where the next run begins to look: from the checkpoint (when it came there, and the save that it stands behind)
-- and from the sweep's mark. While the past is told, which is told now and dated long ago, the dates count: the sweep and the ways in
-- whose positions are times look by them alone. Local times, in any zone, are less than half a day behind the true ones. What was told
-- since the checkpoint came where it is may be a part of a transaction that will be read again, but not while the source waits for
-- the past.
(told_at_ms < least(coalesce(position_since_ms, {now}), coalesce(committed_at * 1000, {now}), coalesce(swept_until * 1000, {now})) - {told_for}
 OR (committed_at IS NOT NULL AND swept_until IS NOT NULL
     AND (saved_at + 43200) * 1000 < least(committed_at, swept_until) * 1000 - {told_for}
     AND (sweep_first IS NOT NULL OR told_at_ms < position_since_ms - {told_for})))
