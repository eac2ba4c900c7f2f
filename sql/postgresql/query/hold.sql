-- Taken before the snapshot (snapshot, every read): a table that an upgrade rewrites behind a snapshot looks empty to it, and a bug
-- without groups is public. This is the lock that any SELECT takes, only earlier; it ends with the read.
LOCK TABLE {tables} IN ACCESS SHARE MODE
