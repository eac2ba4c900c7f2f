-- There is no index on either: a bounded stretch of messages is looked at.
SELECT m.sequence, m.message_id, m.target, m.action, m.bug, m.object, m.change_set, m.committed_at_ms, m.put_at_ms, m.private,
       (SELECT sum(b.size) FROM {schema}.body b WHERE b.site = m.site AND b.sequence = m.sequence)
FROM {schema}.message m
WHERE m.site = {site} AND m.sequence BETWEEN {first} AND {last} AND (m.bug = {bug} OR m.message_id = {message_id})
ORDER BY m.sequence
LIMIT {limit}
