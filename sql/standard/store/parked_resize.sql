UPDATE {schema}.parked SET bytes = {bytes}
WHERE site = {site} AND connector IN ({connectors}) AND sequence = {sequence}
