SELECT id, name, filter, paused, flight_first, flight_last FROM {schema}.connector WHERE site = {site} ORDER BY id
