-- There is no index on either: a bounded stretch of messages is looked at.
SELECT message.sequence, message_id, target, action, bug, object, change_set, committed_at_ms, put_at_ms, private,
       (SELECT length(body.bytes) FROM body WHERE body.sequence = message.sequence)
FROM message
WHERE message.sequence BETWEEN :first AND :last AND (bug = :bug OR message_id = :id)
ORDER BY message.sequence
LIMIT :limit
