UPDATE {schema}.connector SET filter = {filter} WHERE site = {site} AND id = {id}
