SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE longdescs SET isprivate = 1 WHERE comment_id = 1;
INSERT INTO bugs_activity (bug_id, comment_id, who, bug_when, fieldid, removed, added) VALUES (1, 1, 4, @now, fielddef('longdescs.isprivate'), '0', '1');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 1;
COMMIT;
-- -> {"event":{"routing_key":"comment.modify","target":"comment","action":"modify","bug_id":1,"change_set":"4.1795327200.1","time":"2026-11-22T06:00:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}

SET @now = '2026-11-22 06:01:00';
BEGIN;
UPDATE longdescs SET isprivate = 0 WHERE comment_id = 1;
INSERT INTO bugs_activity (bug_id, comment_id, who, bug_when, fieldid, removed, added) VALUES (1, 1, 4, @now, fielddef('longdescs.isprivate'), '1', '0');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 1;
COMMIT;
-- -> {"event":{"routing_key":"comment.modify","target":"comment","action":"modify","bug_id":1,"change_set":"4.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"},"changes":[{"field":"is_private","removed":"1","added":"0"}]},"comment":{"id":1,"comment_id":1,"body":"After each cup one drop falls.","creation_time":"2026-01-05T08:00:00","is_private":false,"number":0,"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:01:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}}
