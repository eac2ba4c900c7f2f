SELECT sequence, bytes FROM {schema}.{table}
WHERE site = {site} AND connector = {id} AND ({ranges})
ORDER BY sequence
LIMIT {limit}
