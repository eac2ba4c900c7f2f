-- The columns that tell which Bugzilla this is and which custom fields it has (snapshot, at connect and after a change).
SELECT t.name, c.name
FROM sqlite_master t
JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND (t.name IN ('bugs', 'bugs_aliases') OR t.name LIKE 'bug\_cf\_%' ESCAPE '\')
