-- The texts of activity rows (snapshot).
SELECT id, removed, added FROM bugs_activity WHERE id IN ({activity})
