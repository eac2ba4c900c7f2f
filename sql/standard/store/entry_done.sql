DELETE FROM {schema}.entry WHERE site = {site} AND connector = {id} AND sequence BETWEEN {first} AND {last}
