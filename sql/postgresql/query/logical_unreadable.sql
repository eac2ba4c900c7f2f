-- What messages are made of and the account may not read (postgresql_logical). Whether a table must be there at all is asked elsewhere.
SELECT c.relname::text
FROM pg_catalog.pg_class c
WHERE c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass('bugs'))
  AND c.relkind IN ('r', 'p', 'v')
  AND (c.relname IN ('attachments', 'bug_group_map', 'bug_status', 'bugs', 'bugs_activity', 'bugs_aliases', 'classifications',
                     'components', 'fielddefs', 'flags', 'flagtypes', 'groups', 'keyworddefs', 'keywords', 'longdescs',
                     'milestones', 'products', 'versions')
       OR c.relname LIKE 'bug\_cf\_%')
  AND NOT has_table_privilege(c.oid, 'SELECT')
UNION ALL
SELECT 'profiles (userid, login_name, realname)'
FROM pg_catalog.pg_class c
WHERE c.oid = to_regclass('profiles')
  AND NOT (has_column_privilege(c.oid, 'userid', 'SELECT') AND has_column_privilege(c.oid, 'login_name', 'SELECT')
           AND has_column_privilege(c.oid, 'realname', 'SELECT'))
