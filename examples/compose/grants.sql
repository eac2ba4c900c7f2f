-- What sql/mysql/grants.sql prints for this site: its field with several values has a table of its own.
GRANT SELECT ON bugs.bug_cf_platforms TO 'bugrelay'@'%';
