-- How a session of the store begins. A session that says nothing for 10 s is ended by the server, and with it its lock and its transaction:
-- a process that is frozen leads no more (from PostgreSQL 14 on; in 13 only within a transaction). Ours says something every 3 s.
SET standard_conforming_strings = on;
SET bytea_output = 'hex';
SET default_transaction_isolation = 'read committed';
SET statement_timeout = '50s';
SET lock_timeout = '5s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET idle_in_transaction_session_timeout = '{silence}s';
SELECT set_config(name, '{silence}s', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'
