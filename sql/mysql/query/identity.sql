-- Which server this is, and what its history holds (identity): the make, its own id, all its transactions by name, the last ones, and whether
-- it is only read. Each make passes over the other's comment.
SELECT /*!80000 'mysql', @@GLOBAL.server_uuid, IF(@@GLOBAL.gtid_mode = 'ON', @@GLOBAL.gtid_executed, ''), '', */
       /*M!100500 'mariadb', @@GLOBAL.server_id, @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_binlog_pos, */
       @@GLOBAL.read_only
