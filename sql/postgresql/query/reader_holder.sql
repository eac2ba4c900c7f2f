-- Who has the lock of reader_lock.sql: the process, and its session as far as we may see it.
SELECT held.pid, nullif(session.application_name, ''), host(session.client_addr),
       to_char(session.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
FROM pg_catalog.pg_locks AS held
LEFT JOIN pg_catalog.pg_stat_activity AS session ON session.pid = held.pid
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND (held.classid::bigint << 32) | held.objid::bigint = hashtextextended('bugrelay/' || $1, 0)
LIMIT 1
