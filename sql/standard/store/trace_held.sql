SELECT e.sequence, c.name, e.attempts,
       CASE WHEN e.perhaps_sent = 1 OR (e.perhaps_sent = 0 AND e.sequence BETWEEN c.flight_first AND c.flight_last) THEN 1 ELSE 0 END,
       NULL
FROM {schema}.connector c
JOIN {schema}.entry e ON e.site = c.site AND e.connector = c.id
WHERE c.site = {site} AND e.sequence IN ({sequences})
UNION ALL
SELECT p.sequence, c.name, p.attempts, p.perhaps_sent, p.reason
FROM {schema}.connector c
JOIN {schema}.parked p ON p.site = c.site AND p.connector = c.id
WHERE c.site = {site} AND p.sequence IN ({sequences})
