-- One bugrelay reads a queue or a slot: another would take what the first has still to tell (trigger capture, postgresql_logical).
-- It ends with the session, and is this database's own.
SELECT pg_try_advisory_lock(hashtextextended('bugrelay/' || $1, 0))
