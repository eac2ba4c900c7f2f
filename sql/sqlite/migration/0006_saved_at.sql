-- The second that a told row bears, as a local time in seconds: a server that lost its end, or was restored, gives the same ids to
-- other rows. NULL: told by an older version, and taken for the same.

ALTER TABLE ledger ADD COLUMN saved_at INTEGER;
