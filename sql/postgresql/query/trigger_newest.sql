-- The newest number (trigger capture).
SELECT last_value FROM {schema}.trigger_queue_id
