SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE bugs SET product_id = 3, component_id = 4, version = 'draft', delta_ts = @now WHERE bug_id = 2;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (2, 3);
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (50, 2, 4, @now, 'hush: one of ours');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (2, 4, @now, fielddef('product'), 'Kettle', 'Cellar'),
  (2, 4, @now, fielddef('component'), 'Spout', 'Casks'), (2, 4, @now, fielddef('version'), '1.0', 'draft'), (2, 4, @now, fielddef('bug_group'), '', 'cellar');
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":2,"change_set":"4.1795327200.2","time":"2026-11-22T06:00:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":2,"change_set":"4.1795327200.2","time":"2026-11-22T06:00:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}
