SELECT id, epoch FROM {schema}.site WHERE name = {name}
