DELETE FROM {schema}.relayed WHERE site = {site} AND put_at_ms <= {last}
