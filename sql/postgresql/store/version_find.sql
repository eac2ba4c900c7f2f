SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = {schema_text} AND tablename = 'store_version'
