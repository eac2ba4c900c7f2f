-- Comments; the text of a private one is not even read (snapshot).
SELECT comment_id, bug_id, bug_when, isprivate, CASE WHEN isprivate = 0 THEN thetext END
FROM longdescs
WHERE comment_id IN ({comments})
