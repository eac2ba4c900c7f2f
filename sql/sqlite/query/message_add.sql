INSERT INTO message (sequence, message_id, target, action, bug, object, change_set, committed_at_ms, put_at_ms)
VALUES (:sequence, :message_id, :target, :action, :bug, :object, :change_set, :committed_at_ms, :put_at_ms)
ON CONFLICT (message_id) DO NOTHING
