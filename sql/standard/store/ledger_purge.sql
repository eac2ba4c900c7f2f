-- Counted back from where the next run begins to look: from the checkpoint (when it came there, and the save that it stands behind)
-- and from the sweep's mark.
DELETE FROM {schema}.ledger
WHERE site = {site}
  AND told_at_ms < (
    SELECT least(coalesce(position_since_ms, {now}), coalesce(committed_at * 1000, {now}), coalesce(swept_until * 1000, {now}))
    FROM {schema}.site WHERE id = {site}
  ) - {told_for}
