-- Makes the slot, and tells the place that it begins at (postgresql_logical). Waits for the transactions that write just now.
SELECT lsn FROM pg_create_logical_replication_slot($1::text::name, 'pgoutput')
