INSERT INTO {schema}.store_version (version) VALUES ({version})
