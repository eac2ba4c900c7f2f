-- What of ours is there, and what the account and the triggers' owner may do with it (triggers check).
SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
       n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
       q.oid IS NOT NULL, coalesce(has_table_privilege(q.oid, 'SELECT'), false), coalesce(has_table_privilege(q.oid, 'DELETE'), false),
       i.oid IS NOT NULL, coalesce(has_sequence_privilege(i.oid, 'SELECT'), false),
       v.oid IS NOT NULL, coalesce(has_sequence_privilege(v.oid, 'SELECT'), false), coalesce(has_sequence_privilege(v.oid, 'UPDATE'), false),
       note.prosrc, leave.prosrc, coalesce(note.prosecdef, false),
       coalesce(has_schema_privilege(note.proowner, n.oid, 'USAGE') AND has_table_privilege(note.proowner, q.oid, 'INSERT')
                AND has_sequence_privilege(note.proowner, i.oid, 'USAGE') AND has_sequence_privilege(note.proowner, v.oid, 'SELECT')
                AND has_function_privilege(note.proowner, leave.oid, 'EXECUTE'), false),
       pg_get_userbyid(bugs.relowner)::text,
       has_schema_privilege(bugs.relowner, n.oid, 'USAGE'), has_table_privilege(bugs.relowner, q.oid, 'SELECT'),
       has_sequence_privilege(bugs.relowner, i.oid, 'SELECT') AND has_sequence_privilege(bugs.relowner, v.oid, 'SELECT')
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1
LEFT JOIN pg_catalog.pg_class q ON q.relnamespace = n.oid AND q.relname = 'trigger_queue'
LEFT JOIN pg_catalog.pg_class i ON i.relnamespace = n.oid AND i.relname = 'trigger_queue_id'
LEFT JOIN pg_catalog.pg_class v ON v.relnamespace = n.oid AND v.relname = 'trigger_valve'
LEFT JOIN pg_catalog.pg_proc note ON note.pronamespace = n.oid AND note.proname = 'trigger_note'
LEFT JOIN pg_catalog.pg_proc leave ON leave.pronamespace = n.oid AND leave.proname = 'trigger_leave'
LEFT JOIN pg_catalog.pg_class bugs ON bugs.oid = to_regclass('bugs')
