-- Aliases, where they are a table (snapshot).
SELECT bug_id, alias FROM bugs_aliases WHERE bug_id IN ({bugs})
