-- what: Carol lowers the priority of three bugs in one request, a secret one among them
-- leaves: bug.modify public, bug.modify public, bug.modify private
-- One transaction for all of them, as a REST request writes it.

SET NAMES utf8mb4;
SET @now = UTC_TIMESTAMP();

SET autocommit = 0;
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
UPDATE bugs SET priority = 'Low' WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (1, 4, @now, (SELECT id FROM fielddefs WHERE name = 'priority'), '---', 'Low');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 1;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 1, @now)
  ON DUPLICATE KEY UPDATE last_visit_ts = @now;
UPDATE bugs SET priority = 'Low' WHERE bug_id = 3;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (3, 4, @now, (SELECT id FROM fielddefs WHERE name = 'priority'), 'Normal', 'Low');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 3;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 3, @now)
  ON DUPLICATE KEY UPDATE last_visit_ts = @now;
UPDATE bugs SET priority = 'Low' WHERE bug_id = 5;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (5, 4, @now, (SELECT id FROM fielddefs WHERE name = 'priority'), '---', 'Low');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 5;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (4, 5, @now)
  ON DUPLICATE KEY UPDATE last_visit_ts = @now;
COMMIT;
SET autocommit = 1;
UPDATE bugs SET lastdiffed = @now WHERE bug_id = 1;
UPDATE bugs SET lastdiffed = @now WHERE bug_id = 3;
UPDATE bugs SET lastdiffed = @now WHERE bug_id = 5;
