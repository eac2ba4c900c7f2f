-- The tables that know no transactions (check).
SELECT table_name
FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'
  AND LOWER(table_name) IN ('attachments', 'bug_group_map', 'bugs', 'bugs_activity', 'duplicates', 'flags', 'longdescs')
ORDER BY table_name
