-- Comments added (history, each page). Type 1 is the one that Bugzilla writes when a bug becomes a duplicate, with the other
-- bug's id beside it; the last column is that of the one before: whether the bug was a duplicate of the same already. It is looked
-- for among the bug's own comments: by the id itself PostgreSQL would walk back through those of all bugs.
SELECT c.comment_id, c.bug_id, c.who, c.bug_when,
       CASE WHEN c.type = 1 THEN c.extra_data END,
       CASE WHEN c.type = 1 THEN (SELECT p.extra_data FROM longdescs p
                                  WHERE p.bug_id = c.bug_id AND p.type = 1 AND p.comment_id < c.comment_id
                                  ORDER BY p.comment_id + 0 DESC LIMIT 1) END
FROM longdescs c
WHERE {range}
