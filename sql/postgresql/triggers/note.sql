
BEGIN
  -- Whatever goes wrong in here must not fail Bugzilla's write: bugrelay finds the change in Bugzilla's history instead. The conditions are
  -- in here and not in the triggers: PostgreSQL lets nobody change the type of a column that a trigger's condition names.
  BEGIN
    CASE TG_TABLE_NAME
    WHEN 'bugs' THEN
      -- Bugzilla files a bug without creation_ts and sets it as the last step of the same transaction. A row with a new delta_ts is written
      -- under the lock of the bug, and at the end of a save: the order of these rows is the order of the commits.
      IF NEW.creation_ts IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.creation_ts IS NULL) THEN
        PERFORM {schema}.trigger_leave('b', NEW.bug_id, NEW.bug_id, NEW.reporter, NEW.creation_ts::timestamp);
      ELSIF TG_OP = 'UPDATE' AND OLD.delta_ts IS DISTINCT FROM NEW.delta_ts THEN
        PERFORM {schema}.trigger_leave('t', NEW.bug_id, NEW.bug_id);
      END IF;
    WHEN 'bugs_activity' THEN
      PERFORM {schema}.trigger_leave('a', NEW.bug_id, NEW.id, NEW.who, NEW.bug_when::timestamp, NEW.fieldid, NEW.attach_id, NEW.comment_id);
    WHEN 'longdescs' THEN
      PERFORM {schema}.trigger_leave('c', NEW.bug_id, NEW.comment_id, NEW.who, NEW.bug_when::timestamp);
    WHEN 'attachments' THEN
      PERFORM {schema}.trigger_leave('f', NEW.bug_id, NEW.attach_id, NEW.submitter_id, NEW.creation_ts::timestamp);
    WHEN 'duplicates' THEN
      IF TG_OP IN ('UPDATE', 'DELETE') THEN
        PERFORM {schema}.trigger_leave('u', OLD.dupe, OLD.dupe_of);
      END IF;
      IF TG_OP IN ('INSERT', 'UPDATE') THEN
        PERFORM {schema}.trigger_leave('d', NEW.dupe, NEW.dupe_of);
      END IF;
    END CASE;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
