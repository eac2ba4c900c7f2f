-- what: {name} comments on bug {bug}
BEGIN;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES ({bug}, {user}, '{now}', 0, 0, 'Cup number {number} today.');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = {bug};
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = {bug};
