SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE group_control_map SET membercontrol = 3, othercontrol = 3 WHERE product_id = 2 AND group_id = 2;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (4, 2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (4, 1, @now, fielddef('bug_group'), '', 'security');
INSERT INTO bug_group_map (bug_id, group_id) VALUES (6, 2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (6, 1, @now, fielddef('bug_group'), '', 'security');
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":4,"change_set":"1.1795327200.4","time":"2026-11-22T06:00:00","user":{"id":1,"login":"admin@example.org","real_name":"The Administrator"}}}
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":6,"change_set":"1.1795327200.6","time":"2026-11-22T06:00:00","user":{"id":1,"login":"admin@example.org","real_name":"The Administrator"}}}
