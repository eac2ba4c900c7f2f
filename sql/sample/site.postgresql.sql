-- What PostgreSQL needs after site.sql: its sequences do not notice ids that were given.

SELECT setval(pg_get_serial_sequence(the_table, the_column), highest)
FROM (
  SELECT 'profiles', 'userid', MAX(userid) FROM profiles
  UNION ALL SELECT 'groups', 'id', MAX(id) FROM groups
  UNION ALL SELECT 'classifications', 'id', MAX(id) FROM classifications
  UNION ALL SELECT 'products', 'id', MAX(id) FROM products
  UNION ALL SELECT 'components', 'id', MAX(id) FROM components
  UNION ALL SELECT 'versions', 'id', MAX(id) FROM versions
  UNION ALL SELECT 'milestones', 'id', MAX(id) FROM milestones
  UNION ALL SELECT 'bug_status', 'id', MAX(id) FROM bug_status
  UNION ALL SELECT 'fielddefs', 'id', MAX(id) FROM fielddefs
  UNION ALL SELECT 'bugs', 'bug_id', MAX(bug_id) FROM bugs
  UNION ALL SELECT 'longdescs', 'comment_id', MAX(comment_id) FROM longdescs
  UNION ALL SELECT 'attachments', 'attach_id', MAX(attach_id) FROM attachments
  UNION ALL SELECT 'bugs_activity', 'id', MAX(id) FROM bugs_activity
  UNION ALL SELECT 'flagtypes', 'id', MAX(id) FROM flagtypes
  UNION ALL SELECT 'flags', 'id', MAX(id) FROM flags
  UNION ALL SELECT 'keyworddefs', 'id', MAX(id) FROM keyworddefs
) AS given (the_table, the_column, highest);
