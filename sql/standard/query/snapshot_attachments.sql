-- Attachments without their data (snapshot).
SELECT attach_id, bug_id, creation_ts, modification_time, description, mimetype, filename, ispatch, isobsolete, isprivate
FROM attachments
WHERE attach_id IN ({attachments})
