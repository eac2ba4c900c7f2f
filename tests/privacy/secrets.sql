-- The word NEEDLE, and the hours HOURS, in every private place of a Bugzilla. The word CHAFF comes last, in a public one.
SET NAMES utf8mb4;
SET @now = '2026-11-22 06:00:00';
CREATE FUNCTION fielddef(wanted varchar(64)) RETURNS int READS SQL DATA RETURN (SELECT id FROM fielddefs WHERE name = wanted);

-- Around the bugs: groups, passwords, mails, the full text, the audit log.
UPDATE `groups` SET name = 'NEEDLE-security', description = 'NEEDLE' WHERE id = 2;
UPDATE profiles SET cryptpassword = 'NEEDLE';
INSERT INTO mail_staging (message) VALUES ('NEEDLE');
UPDATE bugs_fulltext SET comments = 'NEEDLE' WHERE bug_id = 6;
INSERT INTO audit_log (class, object_id, field, removed, added, at_time) VALUES ('NEEDLE', 1, 'NEEDLE', 'NEEDLE', 'NEEDLE', @now);

-- A secret bug, everything in it, and all of it changed.
BEGIN;
INSERT INTO bugs (bug_id, product_id, component_id, version, short_desc, bug_file_loc, status_whiteboard, cf_hint, cf_recipe, bug_status,
                  everconfirmed, bug_severity, priority, op_sys, rep_platform, reporter, assigned_to, delta_ts, estimated_time)
  VALUES (200, 1, 1, '2.0', 'NEEDLE', 'NEEDLE', 'NEEDLE', 'NEEDLE', 'NEEDLE', 'CONFIRMED', 1, 'normal', '---', 'All', 'All', 4, 3, @now, HOURS);
INSERT INTO bug_group_map (bug_id, group_id) VALUES (200, 2);
UPDATE bugs SET creation_ts = @now WHERE bug_id = 200;
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (200, 4, @now, 'NEEDLE');
INSERT INTO bugs_aliases (alias, bug_id) VALUES ('NEEDLE', 200);
COMMIT;
SET @now = '2026-11-22 06:00:01';
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  SELECT 200, 4, @now, id, 'NEEDLE', 'NEEDLE new' FROM fielddefs
  WHERE name IN ('short_desc', 'bug_file_loc', 'status_whiteboard', 'alias', 'cf_hint', 'cf_recipe', 'bug_group');

-- A private comment and a private attachment of a public bug, and hours.
SET @now = '2026-11-22 06:00:02';
BEGIN;
UPDATE bugs SET remaining_time = HOURS, estimated_time = HOURS WHERE bug_id = 3;
INSERT INTO longdescs (bug_id, who, bug_when, isprivate, work_time, thetext) VALUES (3, 4, @now, 1, HOURS, 'NEEDLE');
INSERT INTO attachments (attach_id, bug_id, creation_ts, modification_time, description, mimetype, filename, submitter_id, isprivate)
  VALUES (200, 3, @now, @now, 'NEEDLE', 'NEEDLE', 'NEEDLE', 4, 1);
INSERT INTO attach_data (id, thedata) VALUES (200, 'NEEDLE');
INSERT INTO bugs_activity (bug_id, attach_id, who, bug_when, fieldid, removed, added) VALUES
  (3, 200, 4, @now, fielddef('attachments.filename'), 'NEEDLE', 'NEEDLE'), (3, 200, 4, @now, fielddef('flagtypes.name'), '', 'review?(NEEDLE)');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  SELECT 3, 4, @now, id, 'HOURS', 'HOURS' FROM fielddefs WHERE name IN ('work_time', 'remaining_time', 'estimated_time', 'percentage_complete');
COMMIT;

-- A public bug hides, is changed meanwhile, and opens with other values.
SET @now = '2026-11-22 06:00:03';
BEGIN;
UPDATE bugs SET status_whiteboard = 'NEEDLE' WHERE bug_id = 1;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES
  (1, 4, @now, fielddef('bug_group'), '', 'NEEDLE-security'), (1, 4, @now, fielddef('status_whiteboard'), '', 'NEEDLE');
COMMIT;
SET @now = '2026-11-22 06:00:04';
BEGIN;
UPDATE bugs SET short_desc = 'NEEDLE' WHERE bug_id = 1;
-- Anybody may read the second one once the bug is open; written while it was hidden, it is not for the buses.
INSERT INTO longdescs (bug_id, who, bug_when, isprivate, thetext) VALUES (1, 4, @now, 1, 'NEEDLE'), (1, 4, @now, 0, 'NEEDLE');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 4, @now, fielddef('short_desc'), 'The spout drips', 'NEEDLE');
COMMIT;
SET @now = '2026-11-22 06:00:05';
BEGIN;
UPDATE bugs SET short_desc = 'Clean', status_whiteboard = '' WHERE bug_id = 1;
DELETE FROM bug_group_map WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 4, @now, fielddef('short_desc'), 'NEEDLE', 'Clean'),
  (1, 4, @now, fielddef('status_whiteboard'), 'NEEDLE', ''), (1, 4, @now, fielddef('bug_group'), 'NEEDLE-security', '');
COMMIT;

-- A bug turns private for good, with new values.
SET @now = '2026-11-22 06:00:06';
BEGIN;
UPDATE bugs SET short_desc = 'NEEDLE' WHERE bug_id = 2;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (2, 2);
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (2, 4, @now, 'NEEDLE');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES
  (2, 4, @now, fielddef('short_desc'), 'Water on the table', 'NEEDLE'), (2, 4, @now, fielddef('bug_group'), '', 'NEEDLE-security');
COMMIT;

-- A bug is written, and a while later filed.
SET @now = '2026-11-22 06:00:07';
INSERT INTO bugs (bug_id, product_id, component_id, version, short_desc, bug_status, everconfirmed, bug_severity, priority, op_sys, rep_platform,
                  reporter, assigned_to, delta_ts)
  VALUES (201, 1, 1, '2.0', 'NEEDLE', 'CONFIRMED', 1, 'normal', '---', 'All', 'All', 4, 3, @now);
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (201, 4, @now, 'NEEDLE');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (201, 4, @now, fielddef('short_desc'), 'NEEDLE', 'NEEDLE');
UPDATE bugs SET short_desc = 'Filed', creation_ts = '2026-11-22 06:00:08' WHERE bug_id = 201;

-- A secret bug is deleted after a comment, and a save is rolled back.
SET @now = '2026-11-22 06:00:09';
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (5, 4, @now, 'NEEDLE');
DELETE FROM bugs WHERE bug_id = 5;
BEGIN;
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (4, 4, @now, 'NEEDLE');
ROLLBACK;

INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (4, 1, '2026-11-22 06:01:00', 'CHAFF');
