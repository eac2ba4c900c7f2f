-- How far Bugzilla's history was swept: times of saves in seconds since 1970. NULL until the first position is stored.

ALTER TABLE state ADD COLUMN sweep_start INTEGER;
ALTER TABLE state ADD COLUMN swept_until INTEGER;
ALTER TABLE state ADD COLUMN sweep_first INTEGER;
