-- Connectors that somebody paused, and since when the checkpoint stands where it is.

ALTER TABLE connector ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

-- The time of the first put with this position. What was told since then may be a part of a transaction that is not stored whole.
ALTER TABLE state ADD COLUMN position_since_ms INTEGER;
