-- Whether bugs are there, filed, and in groups (judgement at each attempt to send).
SELECT b.bug_id,
       CASE WHEN b.creation_ts IS NULL THEN 0 ELSE 1 END,
       CASE WHEN EXISTS (SELECT 1 FROM bug_group_map m WHERE m.bug_id = b.bug_id) THEN 1 ELSE 0 END
FROM bugs b
WHERE b.bug_id IN ({bugs})
