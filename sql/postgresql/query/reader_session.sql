-- Which process of the server answers. Behind a pooler it may be another one for each transaction.
SELECT pg_backend_pid()
