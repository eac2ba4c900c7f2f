-- Messages that some well connector has not sent yet.
SELECT count(DISTINCT entry.sequence)
FROM {schema}.connector
JOIN {schema}.entry ON entry.site = connector.site AND entry.connector = connector.id
WHERE connector.site = {site} AND connector.attempts = 0 AND connector.paused = 0 AND connector.filter IS NOT NULL
