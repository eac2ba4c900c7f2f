-- The server's settings, as far as the trigger capture depends on them.
SHOW GLOBAL VARIABLES WHERE variable_name IN (
    'version', 'read_only', 'log_bin', 'binlog_format', 'lock_wait_timeout', 'log_bin_trust_function_creators')
