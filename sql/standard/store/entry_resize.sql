UPDATE {schema}.entry SET bytes = {bytes}
WHERE site = {site} AND connector IN ({connectors}) AND sequence = {sequence}
