-- The store in the database: our own schema, shared by all Bugzillas of the server. Times are milliseconds since 1970. Can be run again.
CREATE TABLE IF NOT EXISTS {schema}.store_version (
    version INT NOT NULL PRIMARY KEY
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row for each Bugzilla: the last sequence given out, where the capture stands, how far the sweep is, and who may write.
CREATE TABLE IF NOT EXISTS {schema}.site (
    id                INT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name              VARCHAR(64)  NOT NULL UNIQUE, -- of Bugzilla's database
    epoch             BIGINT       NOT NULL DEFAULT 0,
    turn              BIGINT       NOT NULL DEFAULT 0,
    last_sequence     BIGINT       NOT NULL DEFAULT 0,
    used_bytes        BIGINT       NOT NULL DEFAULT 0,
    position          MEDIUMTEXT,                   -- NULL until the first put
    server            MEDIUMTEXT,                   -- which server the position is one of (JSON)
    committed_at      BIGINT,                       -- seconds since 1970
    position_since_ms BIGINT,
    sweep_start       BIGINT,                       -- seconds since 1970
    swept_until       BIGINT,
    sweep_first       BIGINT
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is known of a message without its text. Kept for a while after everybody has it.
CREATE TABLE IF NOT EXISTS {schema}.message (
    site            INT         NOT NULL,
    sequence        BIGINT      NOT NULL,
    message_id      CHAR(36)    NOT NULL,
    target          VARCHAR(20) NOT NULL,
    action          VARCHAR(20) NOT NULL,
    bug             BIGINT      NOT NULL,
    object          BIGINT,                         -- the comment or attachment
    change_set      VARCHAR(255) NOT NULL,
    committed_at_ms BIGINT      NOT NULL,
    put_at_ms       BIGINT      NOT NULL,
    private         SMALLINT,                       -- its event alone when it was put
    PRIMARY KEY (site, sequence)
) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;

-- The text, apart, so that it can go as soon as nobody waits for it; a large one in parts, each small enough for any server.
CREATE TABLE IF NOT EXISTS {schema}.body (
    site        INT      NOT NULL,
    sequence    BIGINT   NOT NULL,
    part        INT      NOT NULL,
    size        INT      NOT NULL,
    event_bytes INT,                                -- NULL: event only; in part 0
    bytes       LONGBLOB NOT NULL,
    PRIMARY KEY (site, sequence, part)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A connector, also one that is gone from the configuration.
CREATE TABLE IF NOT EXISTS {schema}.connector (
    site            INT         NOT NULL,
    id              INT         NOT NULL,
    name            VARCHAR(64) NOT NULL,
    filter          MEDIUMTEXT,                     -- JSON; NULL: gets nothing new
    paused          SMALLINT    NOT NULL DEFAULT 0,
    attempts        BIGINT      NOT NULL DEFAULT 0,
    next_attempt_ms BIGINT,
    last_error      MEDIUMTEXT,                     -- JSON
    class           VARCHAR(20),
    flight_first    BIGINT,                         -- the sequences handed over whose fate is not recorded yet
    flight_last     BIGINT,
    PRIMARY KEY (site, id),
    UNIQUE (site, name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who waits for what.
CREATE TABLE IF NOT EXISTS {schema}.entry (
    site         INT      NOT NULL,
    connector    INT      NOT NULL,
    sequence     BIGINT   NOT NULL,
    bytes        BIGINT   NOT NULL,                 -- of the body, so that a backlog is measured without reading it
    attempts     BIGINT   NOT NULL DEFAULT 0,
    perhaps_sent SMALLINT NOT NULL DEFAULT 0,       -- -1: no, and it was put back, so the flight that is recorded is not its own
    PRIMARY KEY (site, connector, sequence)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Set aside for good, until retention ends.
CREATE TABLE IF NOT EXISTS {schema}.parked (
    site         INT        NOT NULL,
    connector    INT        NOT NULL,
    sequence     BIGINT     NOT NULL,
    reason       MEDIUMTEXT NOT NULL,               -- JSON
    attempts     BIGINT     NOT NULL,
    parked_at_ms BIGINT     NOT NULL,
    bytes        BIGINT     NOT NULL,
    perhaps_sent SMALLINT   NOT NULL,
    PRIMARY KEY (site, connector, sequence)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What was told already: facts, and the ids of messages that tell of none. `told` is id * 256 + the letter of its kind in ASCII
-- (a activity, b bug, c comment, d duplicate, t attachment, m message).
CREATE TABLE IF NOT EXISTS {schema}.ledger (
    site       INT    NOT NULL,
    told       BIGINT NOT NULL,
    told_at_ms BIGINT NOT NULL,
    saved_at   BIGINT NOT NULL,                     -- the second that its row bears, as a local time: an id may be given out again
    PRIMARY KEY (site, told)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
