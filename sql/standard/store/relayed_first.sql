SELECT min(put_at_ms) FROM {schema}.relayed WHERE site = {site}
