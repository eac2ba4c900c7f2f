-- Which transactions have rows behind an id (trigger capture).
SELECT transaction
FROM unnest($2::bigint[]) AS asked (transaction)
WHERE EXISTS (SELECT FROM {schema}.trigger_queue AS queued WHERE queued.transaction = asked.transaction AND queued.id > $1)
