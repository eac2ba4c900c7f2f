SHOW GLOBAL VARIABLES WHERE variable_name IN (
    'version', 'server_id', 'server_uuid', 'lower_case_table_names',
    'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options',
    'sync_binlog', 'expire_logs_days', 'binlog_expire_logs_seconds', 'gtid_mode',
    'read_only', 'log_slave_updates', 'log_replica_updates')
