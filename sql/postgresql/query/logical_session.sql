-- How each session begins that reads a slot (postgresql_logical). Times come as other ways in tell them; what we ask for may take long
-- while the server reads through others' work, or waits with a new slot for the transactions that write just then.
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET statement_timeout = '5min';
-- A reader that is frozen must not keep the slot (from PostgreSQL 14 on): one that is not says something every 3 s, as whoever leads the store does, and both are given up together.
SELECT set_config(name, '10s', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout';
SET DateStyle = 'ISO'
