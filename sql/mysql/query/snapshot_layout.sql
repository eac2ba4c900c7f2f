-- The columns that tell which Bugzilla this is and which custom fields it has (snapshot, at connect and after a change).
SELECT table_name, column_name
FROM information_schema.columns
WHERE table_schema = DATABASE()
  AND (table_name IN ('bugs', 'bugs_aliases') OR table_name LIKE 'bug\_cf\_%')
