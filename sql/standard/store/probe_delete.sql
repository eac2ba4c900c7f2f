DELETE FROM {schema}.{table} WHERE 1 = 0
