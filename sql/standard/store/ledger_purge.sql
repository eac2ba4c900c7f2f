-- Of the keys behind {after}, up to {last}, those that ledger_old names.
DELETE FROM {schema}.ledger
WHERE site = {site} AND told > {after} AND told <= {last}
  AND EXISTS (SELECT 1 FROM {schema}.site AS here WHERE here.id = {site} AND {old})
