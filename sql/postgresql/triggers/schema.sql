-- The queue of the triggers: which rows Bugzilla wrote, by id, user and second; no content. Run by an administrator, or by whoever
-- may create roles and a schema and owns Bugzilla's tables. Can be run again, and brings an older version up to date.
BEGIN;
SET LOCAL lock_timeout = '1s';

-- Owns what is ours, and nobody can log in as it.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{owner}') THEN
    CREATE ROLE {owner} NOLOGIN;
  END IF;
  -- From 16 on whoever makes a role is a member of it, and may not act as it yet.
  IF NOT pg_catalog.pg_has_role(
    '{owner}', CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
  ) THEN
    EXECUTE 'GRANT {owner} TO ' || quote_ident(current_user);
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  -- Another database of this server was faster.
  NULL;
END
$$;

-- Who owns Bugzilla's tables: asked now, for our owner may not see them.
DO $$
BEGIN
  PERFORM set_config('bugrelay.bugzilla', pg_catalog.pg_get_userbyid(relowner), true)
  FROM pg_catalog.pg_class WHERE oid = 'bugs'::regclass;
END
$$;

CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
SET LOCAL ROLE {owner};

-- Given out in the order of writing. Read and set beside all transactions: that is what makes the valve work in every one of them.
CREATE SEQUENCE IF NOT EXISTS {schema}.trigger_queue_id;
-- No row above this number is let in: a bugrelay that is away for weeks must not fill the disk. It raises it while it reads.
CREATE SEQUENCE IF NOT EXISTS {schema}.trigger_valve START {valve_rows};

CREATE TABLE IF NOT EXISTS {schema}.trigger_queue (
  id          bigint PRIMARY KEY,
  transaction bigint NOT NULL,
  kind        text NOT NULL,
  bug         bigint NOT NULL,
  key         bigint,
  who         bigint,
  at          timestamp(0) without time zone,
  field       bigint,
  attachment  bigint,
  comment     bigint,
  written_at  timestamp with time zone NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- Cutting off the empty end of a table takes a lock that Bugzilla's writers would wait for.
ALTER TABLE {schema}.trigger_queue SET (vacuum_truncate = false);
CREATE INDEX IF NOT EXISTS trigger_queue_transaction ON {schema}.trigger_queue (transaction, id);

-- Leaves one row. Called by the trigger alone.
CREATE OR REPLACE FUNCTION {schema}.trigger_leave(
  kind text, bug bigint, key bigint, who bigint DEFAULT NULL, at timestamp DEFAULT NULL,
  field bigint DEFAULT NULL, attachment bigint DEFAULT NULL, comment bigint DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $leave${leave}$leave$;
REVOKE ALL ON FUNCTION {schema}.trigger_leave FROM PUBLIC;

-- Whoever writes to Bugzilla's tables needs no right on our schema. It waits for a lock on the queue for a moment only.
CREATE OR REPLACE FUNCTION {schema}.trigger_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $note${note}$note$;

-- bugrelay's account reads and deletes, raises the valve, and cannot write a row.
GRANT USAGE ON SCHEMA {schema} TO {reader};
GRANT SELECT, DELETE ON {schema}.trigger_queue TO {reader};
GRANT SELECT ON SEQUENCE {schema}.trigger_queue_id TO {reader};
GRANT SELECT, UPDATE ON SEQUENCE {schema}.trigger_valve TO {reader};

-- Whoever owns Bugzilla's tables dumps the database, and pg_dump fails on what it may not read.
DO $$
DECLARE
  bugzilla text := quote_ident(current_setting('bugrelay.bugzilla'));
BEGIN
  EXECUTE 'GRANT USAGE ON SCHEMA {schema} TO ' || bugzilla;
  EXECUTE 'GRANT SELECT ON {schema}.trigger_queue TO ' || bugzilla;
  EXECUTE 'GRANT SELECT ON SEQUENCE {schema}.trigger_queue_id, {schema}.trigger_valve TO ' || bugzilla;
END
$$;
RESET ROLE;
COMMIT;
