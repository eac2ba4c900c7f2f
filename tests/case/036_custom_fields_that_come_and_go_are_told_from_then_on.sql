ALTER TABLE bugs ADD COLUMN cf_sugar varchar(255) NOT NULL DEFAULT '';
INSERT INTO fielddefs (id, name, type, custom, description, sortkey) VALUES (90, 'cf_sugar', 1, 1, 'Sugar', 7000);
UPDATE fielddefs SET obsolete = 1 WHERE name IN ('cf_cups', 'cf_platforms');
-- (no message)

SET @now = '2026-11-22 06:00:00';
BEGIN;
UPDATE bugs SET cf_sugar = 'two', delta_ts = @now WHERE bug_id = 1;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 3, @now, 90, '', 'two');
COMMIT;
-- -> {"event":{"routing_key":"bug.modify","target":"bug","action":"modify","bug_id":1,"change_set":"3.1795327200.1","time":"2026-11-22T06:00:00","user":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"changes":[{"field":"cf_sugar","removed":"","added":"two"}]},"bug":{"id":1,"alias":[],"assigned_to":{"id":3,"login":"bob@example.org","real_name":"Bob Hazel"},"classification":"Tea","component":{"id":2,"name":"Spout"},"creation_time":"2026-01-05T08:00:00","flags":[],"is_private":false,"keywords":["regression"],"last_change_time":"2026-11-22T06:00:00","operating_system":"All","platform":"All","priority":"","product":{"id":1,"name":"Kettle"},"qa_contact":{"id":6,"login":"zofie@example.org","real_name":"\u017dofie Dvo\u0159\u00e1kov\u00e1 \u8336"},"reporter":{"id":2,"login":"alice@example.org","real_name":"Alice Rowan"},"resolution":"","severity":"normal","status":{"id":2,"name":"CONFIRMED"},"summary":"The spout drips","target_milestone":null,"url":"","version":{"id":1,"name":"1.0"},"whiteboard":"","cf_follows":"","cf_harvest":"","cf_hint":"","cf_recipe":"","cf_roast":"","cf_sugar":"two","cf_tasting":null}}
