-- what: Alice saves, and the request fails: everything is rolled back
-- leaves: nothing

BEGIN;
UPDATE bugs SET priority = 'Highest' WHERE bug_id = 7;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (7, 2, '{now}', 0, 0, 'hush: never saved');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 2, '{now}', (SELECT id FROM fielddefs WHERE name = 'priority'), 'High', 'Highest');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 2 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (2, 7, '{now}');
ROLLBACK;
