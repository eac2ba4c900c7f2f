-- One row that is stored (trigger capture). In this form, and with this key, it locks that row alone: a plain DELETE looks at the next one
-- as well, and waits for it when its writer has not committed.
DELETE queued FROM {queue} AS queued FORCE INDEX (PRIMARY) WHERE queued.id = {id}
