-- How full the queue is (trigger capture).
SELECT s.newest, s.closed_above, q.id, CAST(strftime('%s', 'now') AS integer) - q.written_at
FROM bugrelay_state s LEFT JOIN (SELECT id, written_at FROM bugrelay_queue ORDER BY id LIMIT 1) q
