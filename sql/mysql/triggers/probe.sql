-- Does as the triggers' account what the triggers do, and takes it back: so what they may no longer do is found before Bugzilla meets it.
-- Tells which triggers are there: who reads the queue may not see them.
DROP PROCEDURE IF EXISTS {probe};
DELIMITER $$
CREATE DEFINER = {definer} PROCEDURE {probe}() SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  SELECT t.trigger_name, t.definer, CAST(t.created AS char), t.action_statement
  FROM information_schema.triggers AS t
  WHERE t.trigger_schema = {database_text} AND t.trigger_name LIKE {trigger_text} AND t.action_timing = 'AFTER';
  SELECT bug_id, reporter, creation_ts, delta_ts FROM {database}.bugs LIMIT 0;
  SELECT id, bug_id, who, bug_when, fieldid, attach_id, comment_id FROM {database}.bugs_activity LIMIT 0;
  SELECT comment_id, bug_id, who, bug_when FROM {database}.longdescs LIMIT 0;
  SELECT attach_id, bug_id, submitter_id, creation_ts FROM {database}.attachments LIMIT 0;
  SELECT dupe, dupe_of FROM {database}.duplicates LIMIT 0;
  START TRANSACTION;
  INSERT INTO {queue} (transaction, kind, bug, `key`, who, at, field, attachment, comment, written_at)
  VALUES (CONNECTION_ID(), 't', 0, NULL, NULL, NULL, NULL, NULL, NULL, UNIX_TIMESTAMP());
  SELECT closed_above FROM {valve} WHERE one = 1;
  DELETE queued FROM {queue} AS queued FORCE INDEX (PRIMARY) WHERE queued.id = LAST_INSERT_ID();
  ROLLBACK;
END $$
DELIMITER ;
-- Who calls it acts as this account from then on, and that needs the right as well.
GRANT EXECUTE ON PROCEDURE {probe} TO {definer};
