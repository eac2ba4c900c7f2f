-- How each session begins that reads a slot (postgresql_logical). Times come as other ways in tell them; what we ask for may take long
-- while the server reads through others' work, but nothing waits for a lock.
SET statement_timeout = '5min';
SET lock_timeout = '500ms';
SET DateStyle = 'ISO'
