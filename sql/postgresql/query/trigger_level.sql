-- How full the queue is (trigger capture), who answers, and which table it is. Up to $1 it is empty for good.
SELECT pg_backend_pid(), '{schema}.trigger_queue'::regclass::oid, ids.last_value, valve.last_value, oldest.id,
       extract(epoch FROM clock_timestamp() - oldest.written_at)::double precision
FROM {schema}.trigger_queue_id AS ids
CROSS JOIN {schema}.trigger_valve AS valve
LEFT JOIN (SELECT id, written_at FROM {schema}.trigger_queue WHERE id > $1 ORDER BY id LIMIT 1) AS oldest ON true
