-- How full the queue is (trigger capture): the newest number, the valve, the oldest row and its age in seconds.
SELECT (SELECT t.auto_increment - 1 FROM information_schema.tables AS t
        WHERE t.table_schema = {schema_text} AND t.table_name = {queue_text}),
       v.closed_above, q.id, UNIX_TIMESTAMP() - q.written_at
FROM {valve} AS v
LEFT JOIN (SELECT id, written_at FROM {queue} ORDER BY id LIMIT 1) AS q ON TRUE
WHERE v.one = 1
