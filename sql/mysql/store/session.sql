-- How a session of the store begins. A session that says nothing for 10 s is ended by the server, and with it its lock and its transaction:
-- a process that is frozen leads no more. Ours says something every 3 s.
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES', autocommit = 1, wait_timeout = {silence},
    lock_wait_timeout = 5, innodb_lock_wait_timeout = 5
    /*M!100100 , SESSION max_statement_time = 50 */ /*!80000 , SESSION max_execution_time = 50000 */
