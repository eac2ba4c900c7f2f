-- How a session of the trigger capture begins: no statement of it may hang, and none may lock more than the rows that it deletes. What it
-- asks about a table is what is, and not what was some hours ago (MySQL; each server passes over the other's comment).
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET SESSION sql_mode = '', lock_wait_timeout = 5, innodb_lock_wait_timeout = 5
    /*M!100100 , SESSION max_statement_time = 50 */ /*!80000 , SESSION max_execution_time = 50000, SESSION information_schema_stats_expiry = 0 */
