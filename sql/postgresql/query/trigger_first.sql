-- The first rows that are committed (trigger capture). Locks nothing; what is read is deleted by id, when it is stored.
-- The order is that of the numbers: an `id` alone would be the text of the first column.
SELECT queued.id::text, transaction::text, kind, bug::text, key::text, who::text, to_char(at, 'YYYY-MM-DD HH24:MI:SS'), field::text,
       attachment::text, comment::text, extract(epoch FROM written_at)::bigint::text
FROM {schema}.trigger_queue AS queued
ORDER BY queued.id
LIMIT $1
