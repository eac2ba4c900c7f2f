-- A read that we gave up ends at the server too, and with it its snapshot and its hold on the tables (each new connection of the readers).
-- Seconds on MariaDB, milliseconds on MySQL; each server passes over the other's comment. Names are quoted as the standard has it.
SET SESSION sql_mode = 'ANSI_QUOTES' /*M!100100 , SESSION max_statement_time = 50 */ /*!50708 , SESSION max_execution_time = 50000 */
