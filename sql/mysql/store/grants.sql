-- What bugrelay may do in a schema of its own, with `[queue] store = "database"`; besides grants.sql. Run it as an administrator. Put your
-- own names for: the schema `bugrelay` ([bugzilla] schema), the account 'bugrelay'@'%'. Several Bugzillas of one server may share the
-- schema; whoever may use it reads what waits for all of them: give a Bugzilla whose messages are nobody else's business its own.

CREATE DATABASE IF NOT EXISTS bugrelay CHARACTER SET utf8mb4;

-- CREATE and ALTER are for making the tables, at the first start and after an upgrade. Whoever leaves them out has an administrator run
-- the SQL that `bugrelay check` prints, first of all: a table that is not there cannot be granted otherwise.
GRANT SELECT, INSERT,                 CREATE, ALTER ON bugrelay.store_version TO 'bugrelay'@'%';
GRANT SELECT, INSERT, UPDATE,         CREATE, ALTER ON bugrelay.site          TO 'bugrelay'@'%';
GRANT SELECT, INSERT,         DELETE, CREATE, ALTER ON bugrelay.message       TO 'bugrelay'@'%';
GRANT SELECT, INSERT,         DELETE, CREATE, ALTER ON bugrelay.body          TO 'bugrelay'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON bugrelay.connector     TO 'bugrelay'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON bugrelay.entry         TO 'bugrelay'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON bugrelay.parked        TO 'bugrelay'@'%';
GRANT SELECT, INSERT,         DELETE, CREATE, ALTER ON bugrelay.ledger        TO 'bugrelay'@'%';
GRANT SELECT, INSERT,         DELETE, CREATE, ALTER ON bugrelay.relayed       TO 'bugrelay'@'%';
