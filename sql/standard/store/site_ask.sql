SELECT epoch, turn FROM {schema}.site WHERE id = {site}
