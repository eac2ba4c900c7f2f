-- The first rows (trigger capture). What is read is deleted by id, when it is stored.
SELECT id, "transaction", kind, bug, key, who, at, field, attachment, comment, written_at
FROM bugrelay_queue
ORDER BY id
LIMIT ?1
