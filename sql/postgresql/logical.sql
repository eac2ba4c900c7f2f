-- What capture = "logical" needs beyond grants.sql. Run it in Bugzilla's database, as an administrator.
-- The server needs, in postgresql.conf: wal_level = logical (a restart), and a limit on what it keeps for a reader that is away:
-- max_slot_wal_keep_size = 10GB, or what the disk can spare (a reload). In pg_hba.conf bugrelay needs its line for Bugzilla's database
-- and none for "replication".

-- To make its slot, and to read it. Whoever has this can read the whole log of the server: keep the password well.
ALTER ROLE bugrelay REPLICATION;

-- Whole tables: with lists of columns the server refuses to change or drop a listed column, and an upgrade of Bugzilla ends half-way.
-- bugrelay reads ids, users and times out of the rows, and drops the rest undecoded. Whoever adds a table: one without a replica identity
-- (a primary key will do) makes Bugzilla's deletes from it fail. `bugrelay check` looks at it.
CREATE PUBLICATION bugrelay FOR TABLE bugs, bugs_activity, longdescs, attachments, duplicates
  WITH (publish = 'insert, update, delete');

-- An option: with it a message tells of which bug another is no duplicate any more; without, only of which it is one now.
-- The server writes one more number to its log for each bug that is no duplicate any more.
SET lock_timeout = '1s';
ALTER TABLE duplicates REPLICA IDENTITY FULL;
RESET lock_timeout;

-- To take all of it out again, once bugrelay is stopped for good. A slot that nobody reads makes the server keep its log.
--   SELECT pg_drop_replication_slot('bugrelay_bugs');   -- bugrelay_ and the database's name
--   DROP PUBLICATION bugrelay;
--   ALTER TABLE duplicates REPLICA IDENTITY DEFAULT;
--   ALTER ROLE bugrelay NOREPLICATION;
