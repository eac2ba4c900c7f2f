DELETE FROM {schema}.message WHERE site = {site} AND sequence BETWEEN {first} AND {last}
