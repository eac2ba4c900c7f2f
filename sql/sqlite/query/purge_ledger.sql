-- ?1: how long told facts are kept, ?2: now. Counted back from where the next run begins to look: from the checkpoint (when it came
-- there, and the save that it stands behind) and from the sweep's mark. A store of an older version lacks some of them.
DELETE FROM ledger
WHERE told_at_ms < (SELECT min(ifnull(position_since_ms, ?2), ifnull(committed_at * 1000, ?2), ifnull(swept_until * 1000, ?2))
                    FROM state WHERE id = 1) - ?1
