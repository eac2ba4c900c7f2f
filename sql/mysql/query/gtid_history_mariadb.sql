SELECT @@GLOBAL.gtid_binlog_state
