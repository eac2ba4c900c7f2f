INSERT INTO {schema}.entry (site, connector, sequence, bytes) VALUES {rows}
