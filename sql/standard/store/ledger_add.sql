INSERT INTO {schema}.ledger (site, told, told_at_ms) VALUES {rows}
