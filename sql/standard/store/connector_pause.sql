UPDATE {schema}.connector SET paused = {paused} WHERE site = {site} AND id = {id}
