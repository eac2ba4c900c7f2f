SELECT connector, count(*) FROM {schema}.parked WHERE site = {site} GROUP BY connector
