
-- The number is drawn first and the valve read after it: so whoever raises the valve sees afterwards whether a number was refused.
DECLARE
  number bigint := nextval('{schema}.trigger_queue_id');
BEGIN
  IF number > (SELECT last_value FROM {schema}.trigger_valve) THEN
    RETURN;
  END IF;
  INSERT INTO {schema}.trigger_queue (id, transaction, kind, bug, key, who, at, field, attachment, comment)
  VALUES (number, pg_current_xact_id()::text::bigint, kind, bug, key, who, at, field, attachment, comment);
  PERFORM pg_notify('{schema}', '');
END
