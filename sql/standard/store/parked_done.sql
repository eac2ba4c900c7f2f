DELETE FROM {schema}.parked WHERE site = {site} AND connector = {id} AND sequence BETWEEN {first} AND {last}
