DROP TRIGGER IF EXISTS bugrelay_{name};
CREATE TRIGGER bugrelay_{name} {event} ON {table} WHEN {condition}
BEGIN
  UPDATE bugrelay_state SET newest = newest + 1;
  INSERT OR IGNORE INTO bugrelay_queue (id, "transaction", kind, bug, key, who, at, field, attachment, comment, written_at)
  SELECT s.newest, coalesce(CASE WHEN {goes_on} THEN q."transaction" END, s.newest), '{kind}', {bug}, {key},
         {who}, {at}, {field}, {attachment}, {comment}, CAST(strftime('%s', 'now') AS integer)
  FROM bugrelay_state s LEFT JOIN bugrelay_queue q ON q.id = s.newest - 1
  WHERE s.newest <= s.closed_above;
END;
