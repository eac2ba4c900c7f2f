-- what: Žofie comments on it
-- leaves: comment.create public

SET NAMES utf8mb4;
SET @now = UTC_TIMESTAMP();

SET autocommit = 0;
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (7, 6, @now, 0, 0, 'Mine sings in G: 𝄞 — čistě.');
UPDATE bugs SET delta_ts = @now WHERE bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (6, 7, @now)
  ON DUPLICATE KEY UPDATE last_visit_ts = @now;
UPDATE bugs_fulltext SET comments = CONCAT(comments, '\nMine sings in G: 𝄞 — čistě.'), comments_noprivate = CONCAT(comments_noprivate, '\nMine sings in G: 𝄞 — čistě.') WHERE bug_id = 7;
COMMIT;
SET autocommit = 1;
UPDATE bugs SET lastdiffed = @now WHERE bug_id = 7;
