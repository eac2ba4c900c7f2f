-- The server may forget what comes before (postgresql_logical).
SELECT end_lsn FROM pg_replication_slot_advance($1::text::name, $2)
