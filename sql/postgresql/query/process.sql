-- Which process of the server serves this session (database).
SELECT pg_backend_pid()
