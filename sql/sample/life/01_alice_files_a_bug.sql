-- what: Alice files a bug
-- leaves: comment.create public, bug.create public

BEGIN;
INSERT INTO bugs (product_id, component_id, version, short_desc, bug_status, everconfirmed, bug_severity, priority, op_sys, rep_platform,
                  reporter, assigned_to, target_milestone, delta_ts)
  VALUES (1, 2, '2.0', 'The whistle is flat', 'UNCONFIRMED', 0, 'normal', '---', 'All', 'All', 2, 3, '---', '{now}');
UPDATE bugs SET creation_ts = '{now}' WHERE bug_id = 7;
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (7, 2, '{now}', 'It should sing in A.');
INSERT INTO bugs_fulltext (bug_id, short_desc, comments, comments_noprivate) VALUES (7, 'The whistle is flat', 'It should sing in A.', 'It should sing in A.');
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
