INSERT INTO {schema}.relayed (site, message_id, digest, sequence, put_at_ms) VALUES {rows}
