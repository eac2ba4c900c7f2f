DELETE FROM {schema}.body WHERE site = {site} AND sequence BETWEEN {first} AND {last}
