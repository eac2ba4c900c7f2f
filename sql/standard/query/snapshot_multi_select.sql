-- The values of one multi-select field (snapshot).
SELECT bug_id, value FROM "bug_{field}" WHERE bug_id IN ({bugs})
