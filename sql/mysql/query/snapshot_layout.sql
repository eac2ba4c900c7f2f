-- The columns that tell which Bugzilla this is and which custom fields it has (snapshot, at connect, after a change, and now and then).
-- Of other tables only what we may read is shown: a table that a field must have is taken to be there, and reading it says what is missing.
SELECT table_name, column_name
FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = 'bugs'
UNION ALL
SELECT CONCAT('bug_', name), 'value' FROM fielddefs WHERE custom = 1 AND type = 3
