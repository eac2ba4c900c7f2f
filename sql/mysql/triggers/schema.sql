-- The queue of the triggers on {database}: which rows Bugzilla wrote, by id, user and second; no content. Run by an administrator; can be
-- run again. Put your own host for the account {reader}, which must be there already (sql/mysql/grants.sql).
SET SESSION sql_mode = '', lock_wait_timeout = 1;
CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4;

-- The triggers act as this account, and nobody can log in as it. If it is dropped, all writes to the tables with triggers fail (error 1449).
CREATE USER IF NOT EXISTS {definer} ACCOUNT LOCK;
ALTER USER {definer} ACCOUNT LOCK;

CREATE TABLE IF NOT EXISTS {queue} (
  id          bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  -- The connection that wrote: these servers tell no number of a transaction.
  transaction bigint NOT NULL,
  kind        char(1) CHARACTER SET ascii NOT NULL,
  bug         bigint NOT NULL,
  `key`       bigint,
  who         bigint,
  at          datetime,
  field       bigint,
  attachment  bigint,
  comment     bigint,
  -- Seconds since 1970, whatever the session's zone.
  written_at  bigint NOT NULL,
  KEY trigger_queue_transaction (transaction, id)
) ENGINE = InnoDB;

-- No row above this number stays: a bugrelay that is away for weeks must not fill the disk. It raises it while it reads.
CREATE TABLE IF NOT EXISTS {valve} (
  one          tinyint NOT NULL PRIMARY KEY,
  closed_above bigint NOT NULL,
  -- Another one after the queue was removed and made anew.
  installation char(36) CHARACTER SET ascii NOT NULL
) ENGINE = InnoDB;
INSERT IGNORE INTO {valve} VALUES (1, {valve_rows}, UUID());
