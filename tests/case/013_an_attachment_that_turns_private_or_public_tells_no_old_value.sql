-- Private: the event only, its new name and flag included.
SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE attachments SET isprivate = 1, description = 'hush: a name', modification_time = @now WHERE attach_id = 1;
INSERT INTO bugs_activity (bug_id, attach_id, who, bug_when, fieldid, removed, added) VALUES (4, 1, 4, @now, fielddef('attachments.isprivate'), '0', '1'),
  (4, 1, 4, @now, fielddef('attachments.description'), 'A slower flame', 'hush: a name'), (4, 1, 4, @now, fielddef('flagtypes.name'), 'review?(bob@example.org)', 'review-');
COMMIT;
-- -> {"event":{"routing_key":"attachment.modify","target":"attachment","action":"modify","bug_id":4,"change_set":"4.1795327200.4","time":"2026-11-22T06:00:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}

-- Changed while it is private; its flag is not one of the public bug.
SET @now = '2026-11-22 06:01:00';
BEGIN;
UPDATE attachments SET filename = 'hush.txt' WHERE attach_id = 1;
INSERT INTO bugs_activity (bug_id, attach_id, who, bug_when, fieldid, removed, added) VALUES (4, 1, 4, @now, fielddef('attachments.filename'), 'flame.patch', 'hush.txt');
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (4, 4, @now, fielddef('op_sys'), 'All', 'Linux');
UPDATE bugs SET op_sys = 'Linux' WHERE bug_id = 4;
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":4,"change_set":"4.1795327260.4","time":"2026-11-22T06:01:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"},"changes":[{"field":"op_sys","removed":"All","added":"Linux"}]},"bug":{"id":4,"alias":["caj","too-hot"],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":3,"name":"Handle"},"creation_time":"2026-01-08T11:00:00","flags":[{"id":1,"name":"blocker","value":"+"}],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-01-09T12:00:00","operating_system":"Linux","platform":"All","priority":"High","product":{"id":2,"name":"Teapot"},"qa_contact":null,"reporter":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"resolution":"","severity":"enhancement","status":{"id":2,"name":"CONFIRMED"},"summary":"\u010caj is served too hot \u2615","target_milestone":null,"url":"https://tea.example.org/hot","version":{"id":3,"name":"unspecified"},"whiteboard":"[summer]","cf_cups":3,"cf_follows":1,"cf_harvest":"2025-10-01","cf_hint":"wait a little","cf_platforms":["gas","open fire"],"cf_recipe":"Boil.\nWait.\nPour.","cf_roast":"dark","cf_tasting":"2026-03-01T16:00:00"}}
-- -> {"event":{"routing_key":"attachment.modify","target":"attachment","action":"modify","bug_id":4,"change_set":"4.1795327260.4","time":"2026-11-22T06:01:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}

-- Public again, renamed in the same save: only that.
SET @now = '2026-11-22 06:02:00';
BEGIN;
UPDATE attachments SET isprivate = 0, description = 'Flame', filename = 'flame.txt', modification_time = @now WHERE attach_id = 1;
INSERT INTO bugs_activity (bug_id, attach_id, who, bug_when, fieldid, removed, added) VALUES (4, 1, 4, @now, fielddef('attachments.isprivate'), '1', '0'),
  (4, 1, 4, @now, fielddef('attachments.description'), 'hush: a name', 'Flame'), (4, 1, 4, @now, fielddef('attachments.filename'), 'hush.txt', 'flame.txt');
COMMIT;
-- -> {"event":{"routing_key":"attachment.modify","target":"attachment","action":"modify","bug_id":4,"change_set":"4.1795327320.4","time":"2026-11-22T06:02:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"},"changes":[{"field":"is_private","removed":"1","added":"0"}]},"attachment":{"id":1,"content_type":"text/plain","creation_time":"2026-01-09T12:00:00","description":"Flame","file_name":"flame.txt","flags":[{"id":2,"name":"review","value":"?","requestee":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"}}],"is_obsolete":false,"is_patch":true,"is_private":false,"last_change_time":"2026-11-22T06:02:00","bug":{"id":4,"alias":["caj","too-hot"],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":3,"name":"Handle"},"creation_time":"2026-01-08T11:00:00","flags":[{"id":1,"name":"blocker","value":"+"}],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-01-09T12:00:00","operating_system":"Linux","platform":"All","priority":"High","product":{"id":2,"name":"Teapot"},"qa_contact":null,"reporter":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"resolution":"","severity":"enhancement","status":{"id":2,"name":"CONFIRMED"},"summary":"\u010caj is served too hot \u2615","target_milestone":null,"url":"https://tea.example.org/hot","version":{"id":3,"name":"unspecified"},"whiteboard":"[summer]","cf_cups":3,"cf_follows":1,"cf_harvest":"2025-10-01","cf_hint":"wait a little","cf_platforms":["gas","open fire"],"cf_recipe":"Boil.\nWait.\nPour.","cf_roast":"dark","cf_tasting":"2026-03-01T16:00:00"}}}

-- A new one that is private, with a private comment.
SET @now = '2026-11-22 06:03:00';
BEGIN;
INSERT INTO attachments (attach_id, bug_id, submitter_id, creation_ts, modification_time, description, mimetype, filename, isprivate)
  VALUES (50, 1, 4, @now, @now, 'hush: plan', 'text/plain', 'hush.txt', 1);
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, type, extra_data, thetext, isprivate) VALUES (50, 1, 4, @now, 5, '50', 'hush: see there', 1);
COMMIT;
-- -> {"event":{"routing_key":"attachment.create","target":"attachment","action":"create","bug_id":1,"change_set":"4.1795327380.1","time":"2026-11-22T06:03:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":1,"change_set":"4.1795327380.1","time":"2026-11-22T06:03:00","user":{"id":4,"login":"carol@example.org","real_name":"Carol Birch"}}}
