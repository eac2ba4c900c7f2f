-- Attachments added (history, each page).
SELECT attach_id, bug_id, submitter_id, creation_ts FROM attachments WHERE {range}
