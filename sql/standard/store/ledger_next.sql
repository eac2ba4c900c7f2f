-- The last of so many keys behind {after}; NULL: there is none.
SELECT max(told) FROM (SELECT told FROM {schema}.ledger WHERE site = {site} AND told > {after} ORDER BY told LIMIT {limit}) AS step
