INSERT INTO {schema}.site (name) VALUES ({name}) ON CONFLICT (name) DO NOTHING
