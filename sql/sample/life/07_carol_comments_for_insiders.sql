-- what: Carol adds a private comment to the public bug
-- leaves: comment.create private

BEGIN;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (7, 4, '{now}', 0, 1, 'hush: the supplier knows');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 4 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 7, '{now}');
UPDATE bugs_fulltext SET comments = CONCAT(comments, '
hush: the supplier knows') WHERE bug_id = 7;
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
