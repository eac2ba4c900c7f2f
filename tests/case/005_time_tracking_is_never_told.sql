-- Work time alone is a comment without words.
SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE bugs SET remaining_time = 4711.25 WHERE bug_id = 4;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, work_time, thetext) VALUES (50, 4, 3, @now, 4712.25, '');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added, comment_id) VALUES (4, 3, @now, fielddef('work_time'), '', '4712.25', 50);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (4, 3, @now, fielddef('remaining_time'), '5.50', '4711.25');
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":4,"change_set":"3.1795327200.4","time":"2026-11-22T06:00:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"}},"comment":{"id":4,"comment_id":50,"body":"","creation_time":"2026-11-22T06:00:00","is_private":false,"number":2,"bug":{"id":4,"alias":["caj","too-hot"],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":3,"name":"Handle"},"creation_time":"2026-01-08T11:00:00","flags":[{"id":1,"name":"blocker","value":"+"}],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-01-09T12:00:00","operating_system":"All","platform":"All","priority":"High","product":{"id":2,"name":"Teapot"},"qa_contact":null,"reporter":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"resolution":"","severity":"enhancement","status":{"id":2,"name":"CONFIRMED"},"summary":"\u010caj is served too hot \u2615","target_milestone":null,"url":"https://tea.example.org/hot","version":{"id":3,"name":"unspecified"},"whiteboard":"[summer]","cf_cups":3,"cf_follows":1,"cf_harvest":"2025-10-01","cf_hint":"wait a little","cf_platforms":["gas","open fire"],"cf_recipe":"Boil.\nWait.\nPour.","cf_roast":"dark","cf_tasting":"2026-03-01T16:00:00"}}}

-- The other fields alone are nothing at all.
SET @now = '2026-11-22 06:01:00';
BEGIN;
UPDATE bugs SET estimated_time = 4713.25, remaining_time = 1 WHERE bug_id = 4;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (4, 3, @now, fielddef('estimated_time'), '8.00', '4713.25'),
  (4, 3, @now, fielddef('remaining_time'), '4711.25', '1.00'), (4, 3, @now, fielddef('percentage_complete'), '1', '99');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 4;
COMMIT;
-- (no message)

-- Beside others, the others. The deadline is public.
SET @now = '2026-11-22 06:02:00';
BEGIN;
UPDATE bugs SET remaining_time = 2, deadline = '2026-07-01' WHERE bug_id = 4;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (4, 3, @now, fielddef('deadline'), '2026-06-30', '2026-07-01'),
  (4, 3, @now, fielddef('remaining_time'), '1.00', '2.00');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 4;
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":4,"change_set":"3.1795327320.4","time":"2026-11-22T06:02:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"changes":[{"field":"deadline","removed":"2026-06-30","added":"2026-07-01"}]},"bug":{"id":4,"alias":["caj","too-hot"],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":3,"name":"Handle"},"creation_time":"2026-01-08T11:00:00","flags":[{"id":1,"name":"blocker","value":"+"}],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-11-22T06:02:00","operating_system":"All","platform":"All","priority":"High","product":{"id":2,"name":"Teapot"},"qa_contact":null,"reporter":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"resolution":"","severity":"enhancement","status":{"id":2,"name":"CONFIRMED"},"summary":"\u010caj is served too hot \u2615","target_milestone":null,"url":"https://tea.example.org/hot","version":{"id":3,"name":"unspecified"},"whiteboard":"[summer]","cf_cups":3,"cf_follows":1,"cf_harvest":"2025-10-01","cf_hint":"wait a little","cf_platforms":["gas","open fire"],"cf_recipe":"Boil.\nWait.\nPour.","cf_roast":"dark","cf_tasting":"2026-03-01T16:00:00"}}
