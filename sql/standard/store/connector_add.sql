INSERT INTO {schema}.connector (site, id, name, filter, paused) VALUES ({site}, {id}, {name}, {filter}, {paused})
