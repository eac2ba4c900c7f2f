UPDATE {schema}.entry SET attempts = attempts + 1
WHERE site = {site} AND connector = {id} AND sequence BETWEEN {first} AND {last}
