-- what: Carol lowers the priority of three bugs in one request, a secret one among them
-- leaves: bug.modify public, bug.modify public, bug.modify private
-- One transaction for all of them, as a REST request writes it.

BEGIN;
UPDATE bugs SET priority = 'Low' WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (1, 4, '{now}', (SELECT id FROM fielddefs WHERE name = 'priority'), '---', 'Low');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 1;
DELETE FROM bug_user_last_visit WHERE user_id = 4 AND bug_id = 1;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 1, '{now}');
UPDATE bugs SET priority = 'Low' WHERE bug_id = 3;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (3, 4, '{now}', (SELECT id FROM fielddefs WHERE name = 'priority'), 'Normal', 'Low');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 3;
DELETE FROM bug_user_last_visit WHERE user_id = 4 AND bug_id = 3;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 3, '{now}');
UPDATE bugs SET priority = 'Low' WHERE bug_id = 5;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (5, 4, '{now}', (SELECT id FROM fielddefs WHERE name = 'priority'), '---', 'Low');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 5;
DELETE FROM bug_user_last_visit WHERE user_id = 4 AND bug_id = 5;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 5, '{now}');
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 1;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 3;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 5;
