-- The first rows that are committed (trigger capture). Locks nothing; what is read is deleted by id, when it is stored.
SELECT id, transaction, kind, bug, `key`, who, at, field, attachment, comment, written_at
FROM {queue} ORDER BY id LIMIT {limit}
