-- The queue of the triggers: which rows Bugzilla wrote, by id, user and second; no content. In Bugzilla's own file, for SQLite has no
-- schemas. All of what follows is one transaction, and can be run again: it brings an older version up to date.
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS bugrelay_queue (
  id            integer PRIMARY KEY,
  "transaction" integer,
  kind          text,
  bug           integer,
  key           integer,
  who           integer,
  at            text,
  field         integer,
  attachment    integer,
  comment       integer,
  written_at    integer
);
CREATE INDEX IF NOT EXISTS bugrelay_queue_transaction ON bugrelay_queue ("transaction", id);

-- One row. No number above closed_above is let in: a bugrelay that is away for weeks must not fill the disk. It raises it while it reads.
CREATE TABLE IF NOT EXISTS bugrelay_state (
  newest        integer,
  closed_above  integer,
  installation  text NOT NULL
);
INSERT INTO bugrelay_state (newest, closed_above, installation)
SELECT 0, {valve_rows}, '' WHERE NOT EXISTS (SELECT 1 FROM bugrelay_state);

-- What was written while a trigger was missing is in no queue: the installation is another then.
UPDATE bugrelay_state SET installation = lower(hex(randomblob(8)))
WHERE installation = '' OR (SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'bugrelay\_%' ESCAPE '\') < {triggers};
