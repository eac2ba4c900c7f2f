-- The first rows that are committed (trigger capture), and the oldest transaction that runs. Locks nothing; what is read is deleted by id,
-- when it is stored. Up to $2 the queue is empty for good; a session that is not ours finds nothing.
-- The order is that of the numbers: an `id` alone would be the text of the first column.
SELECT queued.id::text, transaction::text, kind, bug::text, key::text, who::text, to_char(at, 'YYYY-MM-DD HH24:MI:SS'), field::text,
       attachment::text, comment::text, extract(epoch FROM written_at)::bigint::text, pg_snapshot_xmin(pg_current_snapshot())::text
FROM {schema}.trigger_queue AS queued
WHERE queued.id > $2 AND pg_backend_pid() = $3
ORDER BY queued.id
LIMIT $1
