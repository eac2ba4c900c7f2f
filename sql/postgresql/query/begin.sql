-- How each read begins (snapshot). All of it ends with the transaction: the session may be one of a pooler, and others' afterwards.
-- The statements join in a good order already: a planner that tries all of them takes longer than the read. They ask for a few rows by
-- their keys, however large the tables have become since they were planned: by indexes, one row after the other, and never compiled.
-- Whoever holds a lock against readers changes the tables: we give way before the server looks for deadlocks, which it does after 1 s.
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL statement_timeout = '50s';
SET LOCAL lock_timeout = '500ms';
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL join_collapse_limit = 1;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL jit = off;
SET LOCAL DateStyle = 'ISO'
