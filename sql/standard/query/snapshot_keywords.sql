-- Keywords by name (snapshot).
SELECT k.bug_id, d.name FROM keywords k JOIN keyworddefs d ON d.id = k.keywordid WHERE k.bug_id IN ({bugs})
