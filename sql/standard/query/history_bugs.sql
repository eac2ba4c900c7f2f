-- Bugs filed (history, each page).
SELECT bug_id, reporter, creation_ts FROM bugs WHERE {range}
