-- Which installation of the triggers this is (trigger capture).
SELECT concat_ws(',', (SELECT q.oid FROM pg_catalog.pg_class q JOIN pg_catalog.pg_namespace n ON n.oid = q.relnamespace
                       WHERE n.nspname = $1 AND q.relname = 'trigger_queue'),
                 (SELECT string_agg(t.oid::text, ',' ORDER BY t.oid) FROM pg_catalog.pg_trigger t
                  WHERE t.tgname = $1 || '_note' AND t.tgrelid = ANY (ARRAY[to_regclass('bugs'), to_regclass('bugs_activity'),
                    to_regclass('longdescs'), to_regclass('attachments'), to_regclass('duplicates')])))
