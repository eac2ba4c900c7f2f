SELECT b.connector, b.messages, b.bytes, m.committed_at_ms
FROM (
    SELECT entry.connector, count(*) AS messages, sum(entry.bytes) AS bytes, min(entry.sequence) AS oldest
    FROM {schema}.connector
    JOIN {schema}.entry ON entry.site = connector.site AND entry.connector = connector.id
    WHERE connector.site = {site} AND (connector.attempts > 0 OR connector.paused = 1 OR connector.filter IS NULL)
    GROUP BY entry.connector
) b
LEFT JOIN {schema}.message m ON m.site = {site} AND m.sequence = b.oldest
