-- Fields changed (history, each page).
SELECT id, bug_id, who, bug_when, fieldid, attach_id, comment_id FROM bugs_activity WHERE {range}
