UPDATE {schema}.site SET swept_until = {until} WHERE id = {site} AND sweep_first IS NULL AND swept_until < {until}
