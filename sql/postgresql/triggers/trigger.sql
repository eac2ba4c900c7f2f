-- Made only where it is missing, switched off or another: whoever writes to {table} waits while it is made.
BEGIN;
SET LOCAL lock_timeout = '1s';
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgrelid = '{table}'::regclass AND tgname = '{schema}' || '_note' AND tgenabled IN ('O', 'A')
      AND tgfoid = '{schema}.trigger_note'::regproc
  ) THEN
    DROP TRIGGER IF EXISTS {schema}_note ON {table};
    CREATE TRIGGER {schema}_note AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}.trigger_note();
  END IF;
END
$$;
COMMIT;
