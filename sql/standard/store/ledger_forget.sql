DELETE FROM {schema}.ledger WHERE site = {site} AND told IN ({told})
