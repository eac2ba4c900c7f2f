-- What is not to be told (trigger capture).
DELETE FROM bugrelay_queue
