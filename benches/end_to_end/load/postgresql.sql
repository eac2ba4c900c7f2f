-- The same as mariadb.sql.

INSERT INTO bugs (bug_id, assigned_to, bug_file_loc, bug_severity, bug_status, creation_ts, delta_ts, short_desc, op_sys, priority,
                  product_id, rep_platform, reporter, version, component_id, status_whiteboard, everconfirmed, cf_recipe)
SELECT 10000 + seq, 3, '', 'normal', 'CONFIRMED', '2026-01-05 10:00:00', '2026-01-05 10:00:00',
       concat('bug number ', seq, ' does something wrong in the north bridge'), 'All', '---', 1, 'All', 2, 'unspecified', 1, '', 1, ''
FROM generate_series(0, 999) AS numbers (seq);

CREATE PROCEDURE backlog(saves integer, since timestamp) LANGUAGE plpgsql AS $$
DECLARE
  bug integer;
  author integer;
  at timestamp;
  status_field integer := (SELECT id FROM fielddefs WHERE name = 'bug_status');
  priority_field integer := (SELECT id FROM fielddefs WHERE name = 'priority');
BEGIN
  FOR i IN 0 .. saves - 1 LOOP
    bug := 10000 + i % 1000;
    author := 2 + i % 3;
    at := coalesce(since + i / 100 * INTERVAL '1 second', LOCALTIMESTAMP(0));
    UPDATE bugs SET bug_status = CASE bug_status WHEN 'CONFIRMED' THEN 'IN_PROGRESS' ELSE 'CONFIRMED' END, delta_ts = at WHERE bug_id = bug;
    INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES (bug, author, at, status_field, 'IN_PROGRESS', 'CONFIRMED');
    INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES (bug, author, at, priority_field, 'High', '---');
    INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (bug, author, at, concat('load ', i, '; ', repeat('A comment of usual length. ', 8)));
    COMMIT;
  END LOOP;
END
$$;
