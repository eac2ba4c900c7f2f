-- What the load of the benches needs: bugs to save to, older than any measurement, and a procedure that saves by itself.

INSERT INTO bugs (bug_id, assigned_to, bug_file_loc, bug_severity, bug_status, creation_ts, delta_ts, short_desc, op_sys, priority,
                  product_id, rep_platform, reporter, version, component_id, status_whiteboard, everconfirmed, cf_recipe)
SELECT 10000 + seq, 3, '', 'normal', 'CONFIRMED', '2026-01-05 10:00:00', '2026-01-05 10:00:00',
       CONCAT('bug number ', seq, ' does something wrong in the north bridge'), 'All', '---', 1, 'All', 2, 'unspecified', 1, '', 1, ''
FROM seq_0_to_999;

-- So many saves, each a transaction. They bear the second that runs; or from `since` on, a hundred each second.
DELIMITER //
CREATE PROCEDURE backlog(IN saves INT, IN since DATETIME)
BEGIN
  DECLARE i, bug, author INT DEFAULT 0;
  DECLARE at DATETIME;
  DECLARE status_field, priority_field INT;
  SELECT id INTO status_field FROM fielddefs WHERE name = 'bug_status';
  SELECT id INTO priority_field FROM fielddefs WHERE name = 'priority';
  WHILE i < saves DO
    SET bug = 10000 + i % 1000, author = 2 + i % 3, at = COALESCE(since + INTERVAL i DIV 100 SECOND, NOW());
    START TRANSACTION;
    UPDATE bugs SET bug_status = IF(bug_status = 'CONFIRMED', 'IN_PROGRESS', 'CONFIRMED'), delta_ts = at WHERE bug_id = bug;
    INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES (bug, author, at, status_field, 'IN_PROGRESS', 'CONFIRMED');
    INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, added, removed) VALUES (bug, author, at, priority_field, 'High', '---');
    INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (bug, author, at, CONCAT('load ', i, '; ', REPEAT('A comment of usual length. ', 8)));
    COMMIT;
    SET i = i + 1;
  END WHILE;
END//
