-- Some of what is committed now, when it is not to be told (trigger capture); tells who answers, and how much it was.
WITH gone AS (
  DELETE FROM {schema}.trigger_queue
  WHERE id = ANY (ARRAY(SELECT id FROM {schema}.trigger_queue ORDER BY id LIMIT $1)) AND pg_backend_pid() = $2
  RETURNING 1
)
SELECT pg_backend_pid(), count(*) FROM gone
