INSERT INTO {schema}.body (site, sequence, part, size, event_bytes, bytes) VALUES {rows}
