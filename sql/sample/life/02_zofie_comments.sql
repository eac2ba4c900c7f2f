-- what: Žofie comments on it
-- leaves: comment.create public

BEGIN;
INSERT INTO longdescs (bug_id, who, bug_when, work_time, isprivate, thetext)
  VALUES (7, 6, '{now}', 0, 0, 'Mine sings in G: 𝄞 — čistě.');
UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = 7;
DELETE FROM bug_user_last_visit WHERE user_id = 6 AND bug_id = 7;
INSERT INTO bug_user_last_visit (user_id, bug_id, last_visit_ts) VALUES (6, 7, '{now}');
UPDATE bugs_fulltext SET comments = CONCAT(comments, '
Mine sings in G: 𝄞 — čistě.'), comments_noprivate = CONCAT(comments_noprivate, '
Mine sings in G: 𝄞 — čistě.') WHERE bug_id = 7;
COMMIT;
UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = 7;
