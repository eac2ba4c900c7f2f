-- It says whether the right is there, and does nothing.
INSERT INTO {schema}.{table} SELECT * FROM {schema}.{table} WHERE 1 = 0
