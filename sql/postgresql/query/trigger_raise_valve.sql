-- Opens the valve wider (trigger capture), and tells where it stood.
SELECT valve.last_value, setval('{schema}.trigger_valve', greatest(valve.last_value, ids.last_value + $1))
FROM {schema}.trigger_valve AS valve, {schema}.trigger_queue_id AS ids
