SELECT position, committed_at, server FROM {schema}.site WHERE id = {site}
