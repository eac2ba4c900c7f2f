SET @now = '2026-11-22 06:00:00';
BEGIN;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (50, 1, 3, @now, 'hush: never saved');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 3, @now, fielddef('priority'), '---', 'High');
ROLLBACK;
-- (no message)

-- To a savepoint: what stands is told.
SET @now = '2026-11-22 06:01:00';
BEGIN;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (51, 1, 3, @now, 'Saved.');
SAVEPOINT here;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (52, 1, 3, @now, 'hush: taken back');
INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 2);
ROLLBACK TO SAVEPOINT here;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (53, 1, 3, @now, 'Saved as well.');
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":1,"change_set":"3.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"}},"comment":{"id":1,"comment_id":51,"body":"Saved.","creation_time":"2026-11-22T06:01:00","is_private":false,"number":1,"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-01-05T08:00:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}}
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":1,"change_set":"3.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"}},"comment":{"id":1,"comment_id":53,"body":"Saved as well.","creation_time":"2026-11-22T06:01:00","is_private":false,"number":2,"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-01-05T08:00:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}}
