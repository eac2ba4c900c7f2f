-- What is stored (trigger capture); tells the number of this transaction, and who answers. A session that is not ours deletes nothing.
WITH gone AS (DELETE FROM {schema}.trigger_queue WHERE id = ANY ($1) AND pg_backend_pid() = $2)
SELECT pg_backend_pid(), pg_current_xact_id()::text::bigint
