-- What must be known of the server and of the account before a slot is read (postgresql_logical). A standby has no place to write.
SELECT current_setting('server_version_num')::int4 AS version,
       current_setting('wal_level') AS wal_level,
       pg_is_in_recovery() AS is_standby,
       current_setting('max_replication_slots')::int8 AS slots_max,
       (SELECT COUNT(*) FROM pg_catalog.pg_replication_slots) AS slots,
       current_setting('max_slot_wal_keep_size', true) AS keep,
       r.rolreplication OR r.rolsuper AS may_replicate,
       (SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('bugs')) AS schema,
       (SELECT system_identifier::text FROM pg_control_system()) AS system,
       CASE WHEN pg_is_in_recovery() THEN 0::int8
            ELSE ('x' || lpad(left(pg_walfile_name(pg_current_wal_lsn()), 8), 16, '0'))::bit(64)::int8 END AS timeline,
       has_database_privilege(current_database(), 'CREATE')
         AND (SELECT bool_and(pg_has_role(t.relowner, 'USAGE')) FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_class t ON t.relnamespace = c.relnamespace
              WHERE c.oid = to_regclass('bugs')
                AND t.relname IN ('bugs', 'bugs_activity', 'longdescs', 'attachments', 'duplicates')) AS may_publish
FROM pg_catalog.pg_roles r
WHERE r.rolname = current_user
