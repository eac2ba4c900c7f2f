-- What of these somebody needs.
SELECT sequence FROM {schema}.entry WHERE site = {site} AND connector IN ({connectors}) AND sequence {within}
UNION
SELECT sequence FROM {schema}.parked WHERE site = {site} AND connector IN ({connectors}) AND sequence {within}
