-- Messages that scripts dropped and may drop again, with an Idempotency-Key: for a day the second one is known by its id, which is made
-- from the key. The digest tells whether it is the same. Their rows in `message` have target 'relay', their topic as action, bug 0, and
-- the number of their endpoint as object: 1 ZeroMQ, 2 HTTP.

CREATE TABLE relayed (
    message_id BLOB    PRIMARY KEY,
    digest     BLOB    NOT NULL,
    sequence   INTEGER NOT NULL,
    put_at_ms  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX relayed_put_at ON relayed (put_at_ms);
