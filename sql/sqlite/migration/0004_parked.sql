-- Parked messages can be put back: what their entries knew stays with them.

ALTER TABLE parked ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parked ADD COLUMN perhaps_sent INTEGER NOT NULL DEFAULT 0;
UPDATE parked SET bytes = ifnull((SELECT length(body.bytes) FROM body WHERE body.sequence = parked.sequence), 0);

-- Whether the message was its event alone when it was put; NULL: an older version put it.
ALTER TABLE message ADD COLUMN private INTEGER;

-- From now on entry.perhaps_sent may be -1: no, and it was put back, so the flight that is recorded is not its own.
