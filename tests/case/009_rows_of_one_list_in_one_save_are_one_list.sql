SET @now = '2026-11-22 06:00:00';
BEGIN;
INSERT INTO dependencies (blocked, dependson) VALUES (1, 2), (1, 3);
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES
  (1, 3, @now, fielddef('dependson'), '', '2'), (1, 3, @now, fielddef('keywords'), 'regression', ''), (1, 3, @now, fielddef('dependson'), '', '3'),
  (1, 3, @now, fielddef('keywords'), '', 'docs, easy');
DELETE FROM keywords WHERE bug_id = 1;
INSERT INTO keywords (bug_id, keywordid) VALUES (1, 2), (1, 3);
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"3.1795327200.1","time":"2026-11-22T06:00:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"changes":[{"field":"dependson","removed":"","added":"2, 3"},{"field":"keywords","removed":"regression","added":"docs, easy"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-01-05T08:00:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}

-- Of any other field the first removed and the last added value stand.
SET @now = '2026-11-22 06:01:00';
BEGIN;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES
  (1, 3, @now, fielddef('bug_status'), 'CONFIRMED', 'IN_PROGRESS'), (1, 3, @now, fielddef('bug_status'), 'IN_PROGRESS', 'RESOLVED');
UPDATE bugs SET bug_status = 'RESOLVED', delta_ts = @now WHERE bug_id = 1;
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"3.1795327260.1","time":"2026-11-22T06:01:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"changes":[{"field":"bug_status","removed":"CONFIRMED","added":"RESOLVED"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["docs","easy"],"last_change_time":"2026-11-22T06:01:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":4,"name":"RESOLVED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_cups":0,"cf_follows":"","cf_harvest":"","cf_hint":"","cf_platforms":[],"cf_recipe":"","cf_roast":"","cf_tasting":null}}
