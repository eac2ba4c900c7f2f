-- what: Carol files a bug that only the security group may see
-- leaves: comment.create private, bug.create private
-- The bug is written first and its group after it: only at the commit it is plain that nobody else may know.

BEGIN;
INSERT INTO bugs (product_id, component_id, version, short_desc, bug_status, everconfirmed, bug_severity, priority, op_sys, rep_platform,
                  reporter, assigned_to, target_milestone, delta_ts)
  VALUES (1, 1, '2.0', 'hush: steam opens the lid', 'CONFIRMED', 1, 'normal', '---', 'All', 'All', 4, 3, '---', '{now}');
INSERT INTO bug_group_map (bug_id, group_id) VALUES (8, 2);
UPDATE bugs SET creation_ts = '{now}' WHERE bug_id = 8;
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (8, 4, '{now}', 'hush: with force');
INSERT INTO bugs_fulltext (bug_id, short_desc, comments, comments_noprivate) VALUES (8, 'hush: steam opens the lid', 'hush: with force', 'hush: with force');
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 8;
