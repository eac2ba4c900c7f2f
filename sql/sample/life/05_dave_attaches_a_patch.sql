-- what: Dave attaches a patch, and asks Alice for a review
-- leaves: attachment.create public, comment.create public, attachment.modify public
-- Alice reported the bug: a requestee who knows of it anyway is not added to the cc list.

BEGIN;
INSERT INTO attachments (bug_id, submitter_id, creation_ts, modification_time, description, mimetype, ispatch, filename)
  VALUES (7, 5, '{now}', '{now}', 'A longer pipe', 'text/plain', 1, 'pipe.patch');
INSERT INTO attach_data (id, thedata) VALUES (3, '--- pipe
+++ pipe
');
INSERT INTO longdescs (bug_id, who, bug_when, type, extra_data, thetext) VALUES (7, 5, '{now}', 5, '3', 'Longer is lower.');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 5 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (5, 7, '{now}');
UPDATE bugs_fulltext SET comments = CONCAT(comments, '
Longer is lower.'), comments_noprivate = CONCAT(comments_noprivate, '
Longer is lower.') WHERE bug_id = 7;
INSERT INTO flags (type_id, status, bug_id, attach_id, setter_id, requestee_id, creation_date, modification_date)
  VALUES (3, '?', 7, 3, 5, 2, '{now}', '{now}');
INSERT INTO mail_staging (message) VALUES ('hush: mail to alice@example.org');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added, attach_id)
  VALUES (7, 5, '{now}', (SELECT id FROM fielddefs WHERE name = 'flagtypes.name'), '', 'review?(alice@example.org)', 3);
UPDATE attachments SET modification_time = '{now}' WHERE attach_id = 3;
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
COMMIT;
DELETE FROM mail_staging;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
