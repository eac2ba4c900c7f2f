-- The group comes after the row: what counts is the end of the transaction.
SET @now = '2026-11-22 06:00:00';
BEGIN;
INSERT INTO bugs (bug_id, product_id, component_id, version, short_desc, bug_status, everconfirmed, bug_severity, priority, op_sys, rep_platform, reporter, assigned_to, delta_ts)
  VALUES (100, 1, 1, '2.0', 'hush: the new lid', 'CONFIRMED', 1, 'normal', '---', 'All', 'All', 4, 3, @now);
INSERT INTO bug_group_map (bug_id, group_id) VALUES (100, 2);
UPDATE bugs SET creation_ts = @now WHERE bug_id = 100;
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (100, 4, @now, 'hush: it is glass');
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":100,"change_set":"4.1795327200.100","time":"2026-11-22T06:00:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}
-- -> {"event":{"routing_key":"bug.create","target":"bug","action":"create","bug_id":100,"change_set":"4.1795327200.100","time":"2026-11-22T06:00:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}
