-- They were put back, and are like any other from now on.
UPDATE {schema}.entry SET perhaps_sent = 0 WHERE site = {site} AND connector = {id} AND sequence IN ({sequences})
