-- what: Carol opens the bug again: it turns public
-- leaves: bug.modify public
-- What was changed while it was hidden is not told afterwards.

BEGIN;
DELETE FROM bug_group_map WHERE bug_id = 7 AND group_id IN (2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 4, '{now}', (SELECT id FROM fielddefs WHERE name = 'bug_group'), 'security', '');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 4 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 7, '{now}');
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
