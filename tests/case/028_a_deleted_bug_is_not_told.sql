BEGIN;
INSERT INTO audit_log (user_id, class, object_id, field, removed, added, at_time) VALUES (1, 'Bugzilla::Bug', 4, '__remove__', 'hush', NULL, '2026-11-22 06:00:00');
DELETE FROM bugs WHERE bug_id = 4;
COMMIT;
DELETE FROM bugs_fulltext WHERE bug_id = 4;
-- (no message)

-- Of an attachment whose data is deleted, the comment is.
SET @now = '2026-11-22 06:01:00';
BEGIN;
DELETE FROM attach_data WHERE id = 2;
UPDATE attachments SET mimetype = 'text/plain', ispatch = 0, isobsolete = 1, modification_time = @now WHERE attach_id = 2;
COMMIT;
BEGIN;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (50, 6, 1, @now, 'The content of attachment 2 has been deleted.');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 6;
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":6,"change_set":"1.1795327260.6","time":"2026-11-22T06:01:00","user":{"id":1,"login":"admin@example.org","real_name":"The Administrator"}},"comment":{"id":6,"comment_id":50,"body":"The content of attachment 2 has been deleted.","creation_time":"2026-11-22T06:01:00","is_private":false,"number":3,"bug":{"id":6,"alias":[],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":3,"name":"Handle"},"creation_time":"2026-01-11T14:00:00","flags":[],"is_private":false,"keywords":[],"last_change_time":"2026-11-22T06:01:00","operating_system":"All","platform":"All","priority":"High","product":{"id":2,"name":"Teapot"},"qa_contact":null,"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"major","status":{"id":2,"name":"CONFIRMED"},"summary":"The handle is loose","target_milestone":null,"url":"","version":{"id":3,"name":"unspecified"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}}

-- Saved and deleted in one transaction: nothing to show.
SET @now = '2026-11-22 06:02:00';
BEGIN;
INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (51, 2, 3, @now, 'hush: gone');
DELETE FROM bugs WHERE bug_id = 2;
COMMIT;
-- -> {"event":{"routing_key":"comment.create","target":"comment","action":"create","bug_id":2,"change_set":"3.1795327320.2","time":"2026-11-22T06:02:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"}}}
