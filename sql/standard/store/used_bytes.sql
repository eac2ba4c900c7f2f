SELECT used_bytes, last_sequence FROM {schema}.site WHERE id = {site}
