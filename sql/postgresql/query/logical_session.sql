-- How each session begins that reads a slot (postgresql_logical). Times come as other ways in tell them; what we ask for may take long
-- while the server reads through others' work, or waits with a new slot for the transactions that write just then.
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET statement_timeout = '5min';
SET DateStyle = 'ISO'
