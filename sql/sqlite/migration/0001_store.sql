-- The store of one bugrelay. Times are milliseconds since 1970.

-- One row: the last sequence given out, and where the capture stands.
CREATE TABLE state (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    last_sequence INTEGER NOT NULL,
    position      TEXT,             -- NULL until the first put
    committed_at  INTEGER           -- seconds since 1970
);
INSERT INTO state (id, last_sequence) VALUES (1, 0);

-- What is known of a message without its text. Kept for a while after everybody has it. No index on message_id: ids are random,
-- and each put would touch every page of it; the ledger, whose keys rise with time, keeps messages from coming twice.
CREATE TABLE message (
    sequence        INTEGER PRIMARY KEY,
    message_id      BLOB    NOT NULL,
    target          TEXT    NOT NULL,
    action          TEXT    NOT NULL,
    bug             INTEGER NOT NULL,
    object          INTEGER,        -- the comment or attachment
    change_set      TEXT    NOT NULL,
    committed_at_ms INTEGER NOT NULL,
    put_at_ms       INTEGER NOT NULL
);

-- The text, apart, so that it can go as soon as nobody waits for it.
CREATE TABLE body (
    sequence    INTEGER PRIMARY KEY,
    bytes       BLOB NOT NULL,
    event_bytes INTEGER             -- NULL: event only
);

-- A connector, also one that is gone from the configuration.
CREATE TABLE connector (
    id              INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    filter          TEXT,           -- JSON; NULL: gets nothing new
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_ms INTEGER,
    last_error      TEXT,
    class           TEXT,
    flight_first    INTEGER,        -- the sequences handed over whose fate is not recorded yet
    flight_last     INTEGER
);

-- Who waits for what.
CREATE TABLE entry (
    connector    INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,  -- of the body, so that a backlog is measured without reading it
    attempts     INTEGER NOT NULL DEFAULT 0,
    perhaps_sent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (connector, sequence)
) WITHOUT ROWID;

-- Set aside for good, until retention ends.
CREATE TABLE parked (
    connector    INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    parked_at_ms INTEGER NOT NULL,
    PRIMARY KEY (connector, sequence)
) WITHOUT ROWID;

-- What was told already: facts, and the ids of messages that tell of none. The key is id * 256 + the letter of its kind in ASCII
-- (a activity, b bug, c comment, d duplicate, t attachment, m message): one whole number is found fastest.
CREATE TABLE ledger (
    key        INTEGER PRIMARY KEY,
    told_at_ms INTEGER NOT NULL
);
