-- what: {name} writes on the whiteboard of bug {bug}
BEGIN;
INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
  SELECT b.bug_id, {user}, '{now}', f.id, b.status_whiteboard, '[cup {number}]'
  FROM bugs b CROSS JOIN fielddefs f WHERE b.bug_id = {bug} AND f.name = 'status_whiteboard';
UPDATE bugs SET status_whiteboard = '[cup {number}]', delta_ts = '{now}' WHERE bug_id = {bug};
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = {bug};
