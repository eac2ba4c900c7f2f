-- What capture = "logical" needs beyond grants.sql. Run it in Bugzilla's database, as an administrator.
-- The server needs, in postgresql.conf: wal_level = logical (a restart), and a limit on what it keeps for a reader that is away:
-- max_slot_wal_keep_size = 10GB, or what the disk can spare (a reload). In pg_hba.conf bugrelay needs its line for Bugzilla's database
-- and none for "replication".

-- To make its slot, and to read it. Whoever has this can read the whole log of the server: keep the password well.
ALTER ROLE bugrelay REPLICATION;

-- Ids, users and times; no content. Whoever adds a table: one without a replica identity (a primary key will do) makes Bugzilla's
-- deletes from it fail, and so does a list that leaves out a column of that identity. `bugrelay check` looks at both.
-- PostgreSQL 13 and 14 know no lists of columns: leave out what is in parentheses behind the tables' names.
CREATE PUBLICATION bugrelay FOR TABLE
  bugs (bug_id, reporter, creation_ts),
  bugs_activity (id, bug_id, who, bug_when, fieldid, attach_id, comment_id),
  longdescs (comment_id, bug_id, who, bug_when),
  attachments (attach_id, bug_id, submitter_id, creation_ts),
  duplicates
  WITH (publish = 'insert, update, delete');

-- An option: with it a message tells of which bug another is no duplicate any more; without, only of which it is one now.
-- The server writes one more number to its log for each bug that is no duplicate any more.
ALTER TABLE duplicates REPLICA IDENTITY FULL;

-- To take all of it out again, once bugrelay is stopped for good. A slot that nobody reads makes the server keep its log.
--   SELECT pg_drop_replication_slot('bugrelay_bugs');   -- bugrelay_ and the database's name
--   DROP PUBLICATION bugrelay;
--   ALTER TABLE duplicates REPLICA IDENTITY DEFAULT;
--   ALTER ROLE bugrelay NOREPLICATION;
