-- The comments of bugs, or those that came since, to number them: those of a bug together (snapshot).
SELECT bug_id, comment_id, bug_when FROM longdescs WHERE {ranges} ORDER BY bug_id
