-- What of ours is there, and Bugzilla's tables (triggers check).
SELECT type, name, sql FROM sqlite_master
WHERE name LIKE 'bugrelay\_%' ESCAPE '\' OR name IN ('bugs', 'bugs_activity', 'longdescs', 'attachments', 'duplicates')
