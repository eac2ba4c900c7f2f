SELECT sweep_start, swept_until, sweep_first FROM {schema}.site WHERE id = {site} AND swept_until IS NOT NULL
