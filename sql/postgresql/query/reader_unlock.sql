-- Gives back the lock of reader_lock.sql where it is held: in that session alone. No row from another one.
SELECT pg_advisory_unlock(hashtextextended('bugrelay/' || $1, 0)) WHERE pg_backend_pid() = $2
