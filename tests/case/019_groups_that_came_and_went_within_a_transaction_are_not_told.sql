-- Public before and after: as if no group had changed. Alone it is nothing.
SET @now = '2026-11-22 06:00:00';
BEGIN;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 4, @now, fielddef('bug_group'), '', 'security');
DELETE FROM bug_group_map WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 4, @now, fielddef('bug_group'), 'security', '');
COMMIT;
-- (no message)

-- Beside others, the others.
SET @now = '2026-11-22 06:01:00';
BEGIN;
INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 2);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 4, @now, fielddef('bug_group'), '', 'security'), (1, 4, @now, fielddef('priority'), '---', 'Low');
DELETE FROM bug_group_map WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 4, @now, fielddef('bug_group'), 'security', '');
UPDATE bugs SET priority = 'Low', delta_ts = @now WHERE bug_id = 1;
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"4.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"},"changes":[{"field":"priority","removed":"","added":"Low"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:01:00","operating_system":"All","platform":"All","priority":"Low","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}
