-- Makes the site a Bugzilla 4.4: one alias for a bug, in a column, and not at the end.

ALTER TABLE bugs ADD COLUMN alias varchar(20) /*! AFTER cclist_accessible */;
UPDATE bugs SET alias = (SELECT MIN(a.alias) FROM bugs_aliases a WHERE a.bug_id = bugs.bug_id);
CREATE UNIQUE INDEX bugs_alias_idx ON bugs (alias);
DROP TABLE bugs_aliases;
