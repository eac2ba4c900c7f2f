SET NAMES utf8mb4;
SET FOREIGN_KEY_CHECKS = 0;
DELETE FROM profiles WHERE userid = 6;
UPDATE bugs SET short_desc = 'Hot', qa_contact = NULL, reporter = 2;
UPDATE longdescs SET thetext = 'hot', who = 2 WHERE comment_id = 4;
ALTER TABLE profiles CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci;
ALTER TABLE bugs CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci;
ALTER TABLE longdescs CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci;
ALTER TABLE bugs_activity CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci;
UPDATE profiles SET realname = 'Thé à la crème' WHERE userid = 3;
-- (no message)

SET NAMES utf8mb4;
SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE bugs SET short_desc = 'Thé à la crème', delta_ts = @now WHERE bug_id = 1;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (50, 1, 3, @now, 'Thé à la crème');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 3, @now, fielddef('short_desc'), 'Hot', 'Thé à la crème');
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":1,"change_set":"3.1795327200.1","time":"2026-11-22T06:00:00","user":{"id":3,"login":"bob@example.org","real_name":"Th\u00e9 \u00e0 la cr\u00e8me"}},"comment":{"id":1,"comment_id":50,"body":"Th\u00e9 \u00e0 la cr\u00e8me","creation_time":"2026-11-22T06:00:00","is_private":false,"number":1,"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Th\u00e9 \u00e0 la cr\u00e8me"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:00:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":null,"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"Th\u00e9 \u00e0 la cr\u00e8me","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}}
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"3.1795327200.1","time":"2026-11-22T06:00:00","user":{"id":3,"login":"bob@example.org","real_name":"Th\u00e9 \u00e0 la cr\u00e8me"},"changes":[{"field":"short_desc","removed":"Hot","added":"Th\u00e9 \u00e0 la cr\u00e8me"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Th\u00e9 \u00e0 la cr\u00e8me"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:00:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":null,"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"Th\u00e9 \u00e0 la cr\u00e8me","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}
