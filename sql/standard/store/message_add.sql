INSERT INTO {schema}.message (site, sequence, message_id, target, action, bug, object, change_set, committed_at_ms, put_at_ms, private)
VALUES {rows}
