SELECT count(*) FROM {schema}.{table} WHERE 1 = 0
