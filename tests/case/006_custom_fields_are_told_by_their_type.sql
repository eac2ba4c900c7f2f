-- All of them emptied.
SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE bugs SET cf_hint = '', cf_roast = '---', cf_recipe = '', cf_tasting = NULL, cf_follows = NULL, cf_harvest = NULL, cf_cups = 0, delta_ts = @now WHERE bug_id = 4;
DELETE FROM bug_cf_platforms WHERE bug_id = 4;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES
  (4, 3, @now, fielddef('cf_hint'), 'wait a little', ''), (4, 3, @now, fielddef('cf_roast'), 'dark', '---'),
  (4, 3, @now, fielddef('cf_recipe'), 'Boil.\nWait.\nPour.', ''), (4, 3, @now, fielddef('cf_tasting'), '2026-03-01 16:00:00', NULL),
  (4, 3, @now, fielddef('cf_follows'), '1', ''), (4, 3, @now, fielddef('cf_harvest'), '2025-10-01', ''), (4, 3, @now, fielddef('cf_cups'), '3', '0'),
  (4, 3, @now, fielddef('cf_platforms'), 'gas, open fire', '');
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":4,"change_set":"3.1795327200.4","time":"2026-11-22T06:00:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"changes":[{"field":"cf_cups","removed":"3","added":"0"},{"field":"cf_follows","removed":"1","added":""},{"field":"cf_harvest","removed":"2025-10-01","added":""},{"field":"cf_hint","removed":"wait a little","added":""},{"field":"cf_platforms","removed":"gas, open fire","added":""},{"field":"cf_recipe","removed":"Boil.\nWait.\nPour.","added":""},{"field":"cf_roast","removed":"dark","added":""},{"field":"cf_tasting","removed":"2026-03-01T16:00:00","added":""}]},"bug":{"id":4,"alias":["caj","too-hot"],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":3,"name":"Handle"},"creation_time":"2026-01-08T11:00:00","flags":[{"id":1,"name":"blocker","value":"+"}],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-11-22T06:00:00","operating_system":"All","platform":"All","priority":"High","product":{"id":2,"name":"Teapot"},"qa_contact":null,"reporter":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"resolution":"","severity":"enhancement","status":{"id":2,"name":"CONFIRMED"},"summary":"\u010caj is served too hot \u2615","target_milestone":null,"url":"https://tea.example.org/hot","version":{"id":3,"name":"unspecified"},"whiteboard":"[summer]","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}

-- And filled on a bug that had none.
SET @now = '2026-11-22 06:01:00';
BEGIN;
UPDATE bugs SET cf_hint = '--', cf_roast = 'light', cf_recipe = '<b>', cf_tasting = '2026-12-24 18:00:00', cf_follows = 2, cf_harvest = '2026-05-04', cf_cups = -2, delta_ts = @now WHERE bug_id = 1;
INSERT INTO bug_cf_platforms (bug_id, value) VALUES (1, 'open fire'), (1, 'gas');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES
  (1, 3, @now, fielddef('cf_tasting'), NULL, '2026-12-24 18:00:00'), (1, 3, @now, fielddef('cf_platforms'), '', 'gas, open fire'),
  (1, 3, @now, fielddef('cf_roast'), '---', 'light'), (1, 3, @now, fielddef('cf_cups'), '0', '-2');
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"3.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"changes":[{"field":"cf_cups","removed":"0","added":"-2"},{"field":"cf_platforms","removed":"","added":"gas, open fire"},{"field":"cf_roast","removed":"","added":"light"},{"field":"cf_tasting","removed":"","added":"2026-12-24T18:00:00"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:01:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":-2,"cf_follows":2,"cf_harvest":"2026-05-04","cf_hint":"--","cf_platforms":["gas","open fire"],"cf_recipe":"<b>","cf_roast":"light","cf_tasting":"2026-12-24T18:00:00"}}

-- Zero dates, from another program than Bugzilla, are none.
SET @now = '2026-11-22 06:02:00', sql_mode = '';
BEGIN;
UPDATE bugs SET cf_tasting = '0000-00-00 00:00:00', cf_harvest = '0000-00-00', delta_ts = @now WHERE bug_id = 1;
INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 3, @now, 'No harvest.');
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":1,"change_set":"3.1795327320.1","time":"2026-11-22T06:02:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"}},"comment":{"id":1,"comment_id":10,"body":"No harvest.","creation_time":"2026-11-22T06:02:00","is_private":false,"number":1,"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:02:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":-2,"cf_follows":2,"cf_harvest":"","cf_hint":"--","cf_platforms":["gas","open fire"],"cf_recipe":"<b>","cf_roast":"light","cf_tasting":null}}}
