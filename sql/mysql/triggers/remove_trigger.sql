-- Whoever uses the table waits while it is dropped.
SET SESSION lock_wait_timeout = 1;
DROP TRIGGER IF EXISTS {database}.{trigger};
