-- Makes the site one of the harmony family, with what BMO adds: the alias is a column again, and columns and tables that no other
-- Bugzilla has stand between the known ones.

/*! SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES') */;
ALTER TABLE bugs ADD COLUMN alias varchar(40) /*! AFTER reporter */;
UPDATE bugs SET alias = (SELECT MIN(a.alias) FROM bugs_aliases a WHERE a.bug_id = bugs.bug_id);
CREATE UNIQUE INDEX bugs_alias_idx ON bugs (alias);
DROP TABLE bugs_aliases;
ALTER TABLE bugs ADD COLUMN bug_type varchar(20) NOT NULL DEFAULT 'defect' /*! AFTER bug_id */;
ALTER TABLE bugs ADD COLUMN filed_via varchar(40) NOT NULL DEFAULT 'unknown';
ALTER TABLE profiles ADD COLUMN nickname varchar(255) NOT NULL DEFAULT '' /*! AFTER userid */;
ALTER TABLE profiles ADD COLUMN mfa varchar(8) DEFAULT '';
ALTER TABLE profiles ADD COLUMN bounce_count integer NOT NULL DEFAULT 0;
ALTER TABLE "groups" ADD COLUMN owner_user_id integer;
ALTER TABLE longdescs ADD COLUMN is_markdown smallint NOT NULL DEFAULT 0 /*! FIRST */;
ALTER TABLE longdescs ADD COLUMN edit_count integer NOT NULL DEFAULT 0;
ALTER TABLE attachments ADD COLUMN attach_size integer NOT NULL DEFAULT 0 /*! AFTER attach_id */;

CREATE TABLE flag_activity (
  id integer PRIMARY KEY,
  flag_when timestamp NOT NULL,
  type_id integer NOT NULL,
  flag_id integer NOT NULL,
  setter_id integer NOT NULL,
  requestee_id integer,
  bug_id integer NOT NULL,
  attachment_id integer,
  status char(1) NOT NULL
);
INSERT INTO flag_activity VALUES (1, '2026-01-09 12:00:00', 2, 1, 4, NULL, 4, NULL, '+');

CREATE TABLE tracking_flags (id integer PRIMARY KEY, field_id integer NOT NULL, name varchar(64) NOT NULL, type varchar(64) NOT NULL);
CREATE TABLE tracking_flags_bugs (id integer PRIMARY KEY, tracking_flag_id integer NOT NULL, bug_id integer NOT NULL, value varchar(64) NOT NULL);
INSERT INTO tracking_flags VALUES (1, 11, 'cf_status_kettle2', 'tracking');
INSERT INTO tracking_flags_bugs VALUES (1, 1, 4, 'affected');
CREATE TABLE regressions (regresses integer NOT NULL, regressed_by integer NOT NULL);
