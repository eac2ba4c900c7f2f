-- The columns that tell which Bugzilla this is and which custom fields it has (snapshot, at connect, after a change, and now and then).
-- Those that we may not read are among them: reading them says what is missing.
SELECT c.relname, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass('bugs'))
  AND (c.relname = 'bugs' OR c.relname LIKE 'bug\_cf\_%')
