-- From where the session comes that holds the lock, and for how many seconds it has said nothing. An account sees its own sessions, without any right.
SELECT pg_catalog.host(a.client_addr) || ':' || a.client_port,
       pg_catalog.floor(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.query_start))::bigint
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = pg_catalog.current_database()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = pg_catalog.hashtextextended('bugrelay/store/' || {name}, 0)
