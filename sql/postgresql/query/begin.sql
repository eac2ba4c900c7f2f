-- How each read begins (snapshot). All of it ends with the transaction: the session may be one of a pooler, and others' afterwards.
-- Whoever holds a lock against readers changes the tables: we give way before the server looks for deadlocks, which it does after 1 s.
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL statement_timeout = '50s';
SET LOCAL lock_timeout = '500ms';
SET LOCAL DateStyle = 'ISO'
