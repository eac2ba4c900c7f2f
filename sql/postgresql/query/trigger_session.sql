-- How a session of the trigger capture begins: no statement of it may hang, and the lock of a reader that is gone must not stay; nor that
-- of one that is frozen (from PostgreSQL 14 on): a reader says something every 3 s at least, as whoever leads the store does, and both are given up together. A deletion need not wait for the server's disk: a row that
-- comes back after a crash of the server is known to the store, and told no more. A standby has no notifications; that it is one is
-- found out by whoever inspects it.
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET statement_timeout = '50s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '60s';
SET synchronous_commit = off;
SELECT set_config(name, '10s', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout';
DO $$ BEGIN IF NOT pg_is_in_recovery() THEN LISTEN {schema}; END IF; END $$
