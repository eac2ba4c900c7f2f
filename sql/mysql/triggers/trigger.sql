-- Whatever goes wrong in it must not fail the write: bugrelay finds the change in Bugzilla's history instead. The mode of this session is the
-- trigger's for ever, whatever the mode of who writes. The row is there before the valve is looked at: so its number tells that it was refused.
-- An exit, and not a continue: the second statement must not follow a first that failed. A DELETE in this form locks the row alone,
-- and SELECT INTO locks none: within an expression it would, until the end of the transaction. The valve is only ever raised: a session
-- remembers where it stood, by a name that is this installation's own, and looks again when a number is above that, or so far below that
-- it is another queue's. To look each time costs more than the row.
SET SESSION sql_mode = '', lock_wait_timeout = 1;
DELIMITER $$
CREATE DEFINER = {definer} TRIGGER IF NOT EXISTS {database}.{trigger} AFTER {event} ON {database}.{table} FOR EACH ROW
BEGIN
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END;
  IF {news} THEN
    INSERT INTO {queue} (transaction, kind, bug, `key`, who, at, field, attachment, comment, written_at)
    {rows};
    IF NOT COALESCE(LAST_INSERT_ID() BETWEEN {closed} - {valve_rows} AND {closed}, FALSE) THEN
      SELECT closed_above INTO {closed} FROM {valve} WHERE one = 1;
      IF LAST_INSERT_ID() > {closed} THEN
        DELETE queued FROM {queue} AS queued FORCE INDEX (PRIMARY) WHERE queued.id = LAST_INSERT_ID();
      END IF;
    END IF;
  END IF;
END $$
DELIMITER ;
