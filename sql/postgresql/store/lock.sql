-- Who has it, leads. It ends with the session.
SELECT CASE WHEN pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('bugrelay/store/' || {name}, 0)) THEN 1 ELSE 0 END
