-- The tables that only some Bugzillas have (capture, check): aliases since 5.0, and one for each multi-select field.
SELECT 'bugs_aliases' AS name FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM information_schema.columns
                  WHERE table_schema = DATABASE() AND table_name = 'bugs' AND column_name = 'alias')
UNION ALL
SELECT CONCAT('bug_', name) FROM fielddefs WHERE custom = 1 AND type = 3
