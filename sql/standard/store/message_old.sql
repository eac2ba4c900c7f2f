SELECT sequence FROM {schema}.message
WHERE site = {site} AND sequence BETWEEN {first} AND {last} AND put_at_ms <= {before}
ORDER BY sequence
