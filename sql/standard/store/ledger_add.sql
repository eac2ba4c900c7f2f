INSERT INTO {schema}.ledger (site, told, told_at_ms, saved_at) VALUES {rows}
