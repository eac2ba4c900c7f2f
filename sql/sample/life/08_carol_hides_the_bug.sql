-- what: Carol hides the bug: it turns private
-- leaves: bug.modify private

BEGIN;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (7, 2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 4, '{now}', (SELECT id FROM fielddefs WHERE name = 'bug_group'), '', 'security');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
