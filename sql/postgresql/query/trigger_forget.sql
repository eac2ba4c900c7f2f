-- What is stored (trigger capture).
DELETE FROM {schema}.trigger_queue WHERE id = ANY ($1)
