-- Sequences, from the first to the last, that a connector is done with. Their bodies go when room is needed, and with each purge, unless
-- somebody else waits for them.
CREATE TABLE spent (
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
);
