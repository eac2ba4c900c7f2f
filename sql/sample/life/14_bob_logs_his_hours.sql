-- what: Bob logs an hour and a half of work, and writes nothing
-- leaves: comment.create public
-- Hours are nobody else's business: the comment is told, they are not.

BEGIN;
UPDATE bugs SET remaining_time = 4 WHERE bug_id = 4;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (4, 3, '{now}', 1.5, 0, '');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (4, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'work_time'), '', '1.5');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (4, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'remaining_time'), '5.50', '4.00');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 4;
DELETE FROM bug_user_last_visit WHERE user_id = 3 AND bug_id = 4;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (3, 4, '{now}');
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 4;
