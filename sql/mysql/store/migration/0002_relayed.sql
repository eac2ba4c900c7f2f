-- Messages that scripts dropped and may drop again, with an Idempotency-Key: for a day the second one is known by its id, which is made
-- from the key. The digest tells whether it is the same. Their rows in `message` have target 'relay', their topic as action, bug 0, and
-- the number of their endpoint as object: 1 ZeroMQ, 2 HTTP. Can be run again.
ALTER TABLE {schema}.message MODIFY action VARCHAR(255) NOT NULL;

CREATE TABLE IF NOT EXISTS {schema}.relayed (
    site       INT      NOT NULL,
    message_id CHAR(36) NOT NULL,
    digest     CHAR(36) NOT NULL,
    sequence   BIGINT   NOT NULL,
    put_at_ms  BIGINT   NOT NULL,
    PRIMARY KEY (site, message_id),
    KEY relayed_put_at (site, put_at_ms)
) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin
