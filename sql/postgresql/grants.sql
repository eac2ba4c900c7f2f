-- What bugrelay may do on PostgreSQL to read the tables that messages are made of, and nothing else. What it may do with the queue of
-- the triggers (USAGE on our schema; SELECT and DELETE on the queue; SELECT on its numbers; SELECT and UPDATE on the valve) is granted by
-- `bugrelay triggers install`, see sql/postgresql/triggers/schema.sql.
-- Run it in Bugzilla's database, as its owner or as an administrator. Put your own names for: the account bugrelay, the password, and
-- the schema, if Bugzilla's tables are in another than public (then also: ALTER ROLE bugrelay SET search_path = that schema).

CREATE ROLE bugrelay LOGIN PASSWORD 'change me';
GRANT USAGE ON SCHEMA public TO bugrelay;

-- The tables that messages are made of.
GRANT SELECT ON attachments     TO bugrelay;
GRANT SELECT ON bug_group_map   TO bugrelay;
GRANT SELECT ON bug_status      TO bugrelay;
GRANT SELECT ON bugs            TO bugrelay;
GRANT SELECT ON bugs_activity   TO bugrelay;
GRANT SELECT ON classifications TO bugrelay;
GRANT SELECT ON components      TO bugrelay;
GRANT SELECT ON fielddefs       TO bugrelay;
GRANT SELECT ON flags           TO bugrelay;
GRANT SELECT ON flagtypes       TO bugrelay;
GRANT SELECT ON groups          TO bugrelay;
GRANT SELECT ON keyworddefs     TO bugrelay;
GRANT SELECT ON keywords        TO bugrelay;
GRANT SELECT ON longdescs       TO bugrelay;
GRANT SELECT ON milestones      TO bugrelay;
GRANT SELECT ON products        TO bugrelay;
GRANT SELECT ON versions        TO bugrelay;

-- Of people their id, login and name; never the password hash.
GRANT SELECT (userid, login_name, realname) ON profiles TO bugrelay;

-- Bugzilla 5.0 and later keep aliases in a table of their own; leave this out before, and run it after an upgrade from 4.4.
GRANT SELECT ON bugs_aliases    TO bugrelay;

-- Custom fields with several values have a table each. This grants those that exist; run it again after adding such a field.
DO $$
DECLARE
  field name;
BEGIN
  FOR field IN SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'bug\_cf\_%' LOOP
    EXECUTE format('GRANT SELECT ON %I TO bugrelay', field);
  END LOOP;
END
$$;
