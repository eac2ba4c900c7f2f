-- Messages that scripts dropped and may drop again, with an Idempotency-Key: for a day the second one is known by its id, which is made
-- from the key. The digest tells whether it is the same. Their rows in `message` have target 'relay', their topic as action, bug 0, and
-- the number of their endpoint as object: 1 ZeroMQ, 2 HTTP. Can be run again.
ALTER TABLE {schema}.message ALTER COLUMN action TYPE VARCHAR(255);

CREATE TABLE IF NOT EXISTS {schema}.relayed (
    site       INT    NOT NULL,
    message_id UUID   NOT NULL,
    digest     UUID   NOT NULL,
    sequence   BIGINT NOT NULL,
    put_at_ms  BIGINT NOT NULL,
    PRIMARY KEY (site, message_id)
);
CREATE INDEX IF NOT EXISTS relayed_put_at ON {schema}.relayed (site, put_at_ms)
