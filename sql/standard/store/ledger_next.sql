-- The last of so many keys behind {after}, and how many of them are to be forgotten (ledger_old); NULL: there is none.
SELECT max(step.told), sum(CASE WHEN {old} THEN 1 ELSE 0 END)
FROM (SELECT told, told_at_ms, saved_at FROM {schema}.ledger WHERE site = {site} AND told > {after} ORDER BY told LIMIT {limit}) AS step
CROSS JOIN {schema}.site AS here
WHERE here.id = {site}
