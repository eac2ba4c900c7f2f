INSERT INTO message (sequence, message_id, target, action, bug, object, change_set, committed_at_ms, put_at_ms, private)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
