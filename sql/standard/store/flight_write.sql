UPDATE {schema}.connector SET flight_first = {first}, flight_last = {last} WHERE site = {site} AND id = {id}
