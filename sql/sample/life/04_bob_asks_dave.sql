-- what: Bob asks Dave for information: a flag, and Dave gets on the cc list
-- leaves: bug.modify public
-- The mail about the flag lies in mail_staging within the transaction, as a row.

BEGIN;
INSERT INTO cc (bug_id, who) VALUES (7, 5);
INSERT INTO flags (type_id, status, bug_id, setter_id, requestee_id, creation_date, modification_date)
  VALUES (1, '?', 7, 3, 5, '{now}', '{now}');
INSERT INTO mail_staging (message) VALUES ('hush: mail to dave@example.org');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'cc'), '', 'dave@example.org');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  VALUES (7, 3, '{now}', (SELECT id FROM fielddefs WHERE name = 'flagtypes.name'), '', 'needinfo?(dave@example.org)');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 3 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (3, 7, '{now}');
COMMIT;
DELETE FROM mail_staging;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
