-- All that install made.
DROP TABLE IF EXISTS bugrelay_queue;
DROP TABLE IF EXISTS bugrelay_state;
COMMIT;
