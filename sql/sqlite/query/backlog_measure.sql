SELECT count(*), ifnull(sum(bytes), 0),
       (SELECT message.committed_at_ms FROM entry AS oldest JOIN message USING (sequence)
        WHERE oldest.connector = ?1 ORDER BY oldest.sequence LIMIT 1)
FROM entry
WHERE connector = ?1
