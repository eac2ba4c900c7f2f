SELECT (SELECT min(sequence) FROM {schema}.message WHERE site = {site} AND sequence > {after}),
       (SELECT max(sequence) FROM {schema}.message WHERE site = {site})
