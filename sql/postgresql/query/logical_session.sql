-- How each session begins that reads a slot (postgresql_logical). Times come as other ways in tell them; what we ask for may take long
-- while the server reads through others' work, or waits with a new slot for the transactions that write just then.
SET statement_timeout = '5min';
SET DateStyle = 'ISO'
