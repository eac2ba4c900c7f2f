-- Which transactions have rows behind an id (trigger capture).
SELECT DISTINCT "transaction" FROM bugrelay_queue WHERE id > ?1 AND "transaction" IN ({transactions})
