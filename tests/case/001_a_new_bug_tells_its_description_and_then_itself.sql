-- As Bugzilla files a bug: the row first without creation_ts, which makes it visible at the end.
SET @now = '2026-11-22 05:32:10';
SET autocommit = 0;
INSERT INTO bugs (bug_id, assigned_to, bug_file_loc, bug_severity, bug_status, delta_ts, short_desc, op_sys, priority, product_id,
                  rep_platform, reporter, version, component_id, status_whiteboard, everconfirmed, cf_notes)
  VALUES (100, 3, 'http://example.org/', 'normal', 'CONFIRMED', @now, 'Café doors stick', 'Linux', '---', 1, 'PC', 2, 'unspecified', 1, '', 1, '');
UPDATE bugs SET creation_ts = @now WHERE bug_id = 100;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (1000, 100, 2, @now, 'They "stick".\nBoth.');
COMMIT;
SET autocommit = 1;
UPDATE bugs SET lastdiffed = @now WHERE bug_id = 100;

-- An empty description is a comment all the same.
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (1001, 100, 3, '2026-11-22 05:33:00', '');
