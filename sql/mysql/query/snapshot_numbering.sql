-- The comments of bugs, or those that came since, to number them (snapshot).
SELECT bug_id, comment_id, bug_when FROM longdescs WHERE {ranges}
