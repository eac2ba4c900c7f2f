-- What is stored (trigger capture).
DELETE FROM bugrelay_queue WHERE id IN ({ids})
