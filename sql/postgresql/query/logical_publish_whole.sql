-- The same for PostgreSQL 13 and 14, which know no lists of columns (postgresql_logical).
CREATE PUBLICATION bugrelay FOR TABLE bugs, bugs_activity, longdescs, attachments, duplicates
  WITH (publish = 'insert, update, delete')
