SELECT position, committed_at FROM {schema}.site WHERE id = {site}
