-- what: Bob comments on the hidden bug and moves it to another version
-- leaves: comment.create private, bug.modify private

BEGIN;
UPDATE bugs SET version = '1.0' WHERE bug_id = 7;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (7, 3, '{now}', 0, 0, 'hush: it is in 1.0 as well');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'version'), '2.0', '1.0');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 3 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (3, 7, '{now}');
UPDATE bugs_fulltext SET comments = CONCAT(comments, '
hush: it is in 1.0 as well'), comments_noprivate = CONCAT(comments_noprivate, '
hush: it is in 1.0 as well') WHERE bug_id = 7;
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
