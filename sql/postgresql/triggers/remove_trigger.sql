-- Whoever uses {table} waits while it is dropped.
BEGIN;
SET LOCAL lock_timeout = '1s';
DROP TRIGGER IF EXISTS {schema}_note ON {table};
COMMIT;
