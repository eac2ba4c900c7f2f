SET @now = '2026-11-22 06:00:00';
UPDATE bugs SET lastdiffed = @now WHERE bug_id = 1;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (2, 1, @now);
INSERT INTO mail_staging (message) VALUES ('hush: a mail');
DELETE FROM mail_staging;
UPDATE profiles SET login_name = 'robert@example.org' WHERE userid = 3;
UPDATE products SET name = 'Boiler' WHERE id = 1;
UPDATE components SET name = 'Cover' WHERE id = 1;
UPDATE versions SET value = '1.0.0' WHERE id = 1;
UPDATE bugs SET version = '1.0.0' WHERE version = '1.0';
UPDATE keyworddefs SET name = 'relapse' WHERE id = 1;
UPDATE `groups` SET name = 'safety' WHERE id = 2;
INSERT INTO audit_log (user_id, class, object_id, field, removed, added, at_time) VALUES (1, 'Bugzilla::Product', 1, 'name', 'Kettle', 'Boiler', @now);
-- (no message)

-- What comes after shows the new names; what was logged before keeps the old ones.
SET @now = '2026-11-22 06:01:00';
BEGIN;
UPDATE bugs SET assigned_to = 2, delta_ts = @now WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 3, @now, fielddef('assigned_to'), 'robert@example.org', 'alice@example.org');
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"3.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":3,"login":"robert@example.org","real_name":"Bob Hazel"},"changes":[{"field":"assigned_to","removed":"robert@example.org","added":"alice@example.org"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["relapse"],"last_change_time":"2026-11-22T06:01:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Boiler"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}
