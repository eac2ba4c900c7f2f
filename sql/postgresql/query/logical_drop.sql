-- Gives up the slot (postgresql_logical, before another is made).
SELECT pg_drop_replication_slot($1::text::name)
