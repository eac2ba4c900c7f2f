INSERT IGNORE INTO {schema}.site (name) VALUES ({name})
