-- Nothing more was heard of these.
UPDATE {schema}.entry SET perhaps_sent = 1
WHERE site = {site} AND connector = {id} AND sequence BETWEEN {first} AND {last} AND perhaps_sent = 0
