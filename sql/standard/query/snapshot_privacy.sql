-- What became private or public since the oldest save of the batch (snapshot).
SELECT id, bug_id, bug_when, fieldid, attach_id, comment_id, removed, added
FROM bugs_activity
WHERE bug_id IN ({bugs}) AND fieldid IN ({fields}) AND bug_when >= '{since}'
ORDER BY bug_when, id
