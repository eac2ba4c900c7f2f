-- Some of what is committed now, when it is not to be told (trigger capture).
DELETE FROM {schema}.trigger_queue WHERE id = ANY (ARRAY(SELECT id FROM {schema}.trigger_queue ORDER BY id LIMIT $1))
