SELECT table_name, column_name, data_type
FROM information_schema.columns
WHERE table_schema = ? AND LOWER(table_name) IN ('bugs', 'bugs_activity', 'longdescs', 'attachments', 'duplicates')
ORDER BY table_name, ordinal_position
