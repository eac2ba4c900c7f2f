-- What bugrelay may do in a schema of its own, with `[queue] store = "database"`; besides grants.sql. Run it in Bugzilla's database, as its
-- owner or as an administrator. Put your own names for: the schema bugrelay ([bugzilla] schema), the account bugrelay.

CREATE SCHEMA IF NOT EXISTS bugrelay;
GRANT USAGE ON SCHEMA bugrelay TO bugrelay;

-- It makes its tables itself, at the first start and after an upgrade, and owns them. Whoever leaves this out has an administrator run the
-- SQL that `bugrelay check` prints, and then the grants below.
GRANT CREATE ON SCHEMA bugrelay TO bugrelay;

-- GRANT SELECT                         ON bugrelay.store_version TO bugrelay;
-- GRANT SELECT, INSERT, UPDATE         ON bugrelay.site          TO bugrelay;
-- GRANT SELECT, INSERT, DELETE         ON bugrelay.message       TO bugrelay;
-- GRANT SELECT, INSERT, DELETE         ON bugrelay.body          TO bugrelay;
-- GRANT SELECT, INSERT, UPDATE, DELETE ON bugrelay.connector     TO bugrelay;
-- GRANT SELECT, INSERT, UPDATE, DELETE ON bugrelay.entry         TO bugrelay;
-- GRANT SELECT, INSERT, UPDATE, DELETE ON bugrelay.parked        TO bugrelay;
-- GRANT SELECT, INSERT, DELETE         ON bugrelay.ledger        TO bugrelay;
-- GRANT SELECT, INSERT, DELETE         ON bugrelay.relayed       TO bugrelay;
