-- what: Bob confirms it, raises its priority and says why
-- leaves: comment.create public, bug.modify public

BEGIN;
UPDATE bugs SET bug_status = 'CONFIRMED', everconfirmed = 1, priority = 'High' WHERE bug_id = 7;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (7, 3, '{now}', 0, 0, 'Heard it too.');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'bug_status'), 'UNCONFIRMED', 'CONFIRMED');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'everconfirmed'), '0', '1');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'priority'), '---', 'High');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 3 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (3, 7, '{now}');
UPDATE bugs_fulltext SET comments = CONCAT(comments, '
Heard it too.'), comments_noprivate = CONCAT(comments_noprivate, '
Heard it too.') WHERE bug_id = 7;
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
