-- The publication, where the account may make it (postgresql_logical); sql/postgresql/logical.sql has it for administrators.
CREATE PUBLICATION bugrelay FOR TABLE
  bugs (bug_id, reporter, creation_ts),
  bugs_activity (id, bug_id, who, bug_when, fieldid, attach_id, comment_id),
  longdescs (comment_id, bug_id, who, bug_when),
  attachments (attach_id, bug_id, submitter_id, creation_ts),
  duplicates
  WITH (publish = 'insert, update, delete')
