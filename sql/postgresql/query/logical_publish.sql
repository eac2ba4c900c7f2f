-- The publication, where the account may make it (postgresql_logical); sql/postgresql/logical.sql has it for administrators.
CREATE PUBLICATION bugrelay FOR TABLE bugs, bugs_activity, longdescs, attachments, duplicates
  WITH (publish = 'insert, update, delete')
