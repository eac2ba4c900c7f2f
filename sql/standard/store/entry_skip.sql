-- Set aside by hand. What is in flight was perhaps sent.
INSERT INTO {schema}.parked (site, connector, sequence, reason, attempts, parked_at_ms, bytes, perhaps_sent)
SELECT e.site, e.connector, e.sequence, {reason}, e.attempts, {now}, e.bytes,
       CASE WHEN e.perhaps_sent = 1 OR (e.perhaps_sent = 0 AND e.sequence BETWEEN c.flight_first AND c.flight_last) THEN 1 ELSE 0 END
FROM {schema}.connector c
JOIN {schema}.entry e ON e.site = c.site AND e.connector = c.id
WHERE c.site = {site} AND c.id = {id} AND e.sequence IN ({sequences})
  AND NOT EXISTS (SELECT 1 FROM {schema}.parked p WHERE p.site = e.site AND p.connector = e.connector AND p.sequence = e.sequence)
