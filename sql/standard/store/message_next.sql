-- The first message behind this one: whether it is old enough to be looked at.
SELECT sequence, put_at_ms FROM {schema}.message WHERE site = {site} AND sequence > {after} ORDER BY sequence LIMIT 1
