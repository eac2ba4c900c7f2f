-- what: Bob closes bug 2 as a duplicate of bug 1
-- leaves: comment.create public, bug.modify public, comment.create public, bug.modify public
-- The other bug gets a comment too, and the duplicate's reporter on its cc list.

BEGIN;
UPDATE bugs SET bug_status = 'RESOLVED', resolution = 'DUPLICATE' WHERE bug_id = 2;
INSERT INTO longdescs (bug_id, who, bug_when, type, extra_data, thetext) VALUES (2, 3, '{now}', 1, '1', 'The spout again.');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (2, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'bug_status'), 'UNCONFIRMED', 'RESOLVED');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (2, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'resolution'), '', 'DUPLICATE');
DELETE FROM duplicates WHERE dupe = 2;
INSERT INTO duplicates (dupe, dupe_of) VALUES (2, 1);
INSERT INTO cc (bug_id, who) VALUES (1, 5);
INSERT INTO longdescs (bug_id, who, bug_when, type, extra_data, thetext) VALUES (1, 3, '{now}', 2, '2', '');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (1, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'cc'), '', 'dave@example.org');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 1;
DELETE FROM bug_user_last_visit WHERE user_id = 3 AND bug_id = 1;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (3, 1, '{now}');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 2;
UPDATE bugs_fulltext SET comments = CONCAT(comments, '
The spout again.'), comments_noprivate = CONCAT(comments_noprivate, '
The spout again.') WHERE bug_id = 2;
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 2;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 1;
