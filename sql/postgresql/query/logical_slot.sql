-- Who answers, the end of the log, and the slot if there is one (postgresql_logical, at each look).
SELECT pg_backend_pid() AS process,
       pg_current_wal_flush_lsn() AS flushed,
       s.slot_name IS NOT NULL AS is_there,
       s.plugin::text AS plugin,
       s.database::text AS database,
       s.active_pid AS reader,
       s.wal_status AS wal_status,
       s.confirmed_flush_lsn AS confirmed,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::int8 AS retained
FROM (SELECT $1::text AS slot_name) ours
LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name::text = ours.slot_name
