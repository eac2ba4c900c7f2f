SELECT told, saved_at FROM {schema}.ledger WHERE site = {site} AND told IN ({told})
