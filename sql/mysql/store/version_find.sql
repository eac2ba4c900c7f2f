SELECT count(*) FROM information_schema.tables WHERE table_schema = {schema_text} AND table_name = 'store_version'
