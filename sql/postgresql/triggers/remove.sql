-- All that install made. The schema stays when something else is in it, the role when it owns something else.
BEGIN;
SET LOCAL lock_timeout = '1s';
DROP FUNCTION IF EXISTS {schema}.trigger_note();
DROP FUNCTION IF EXISTS {schema}.trigger_leave(text, bigint, bigint, bigint, timestamp, bigint, bigint, bigint);
DROP TABLE IF EXISTS {schema}.trigger_queue;
DROP SEQUENCE IF EXISTS {schema}.trigger_queue_id, {schema}.trigger_valve;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{schema}') THEN
    DROP SCHEMA {schema};
  END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL;
END
$$;
DO $$
BEGIN
  DROP ROLE IF EXISTS {owner};
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL;
END
$$;
COMMIT;
