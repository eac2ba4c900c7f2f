-- Whether bugs are there, filed, and in groups (judgement at each attempt to send).
SELECT b.bug_id, b.creation_ts IS NOT NULL, EXISTS (SELECT 1 FROM bug_group_map m WHERE m.bug_id = b.bug_id)
FROM bugs b
WHERE b.bug_id IN ({bugs})
