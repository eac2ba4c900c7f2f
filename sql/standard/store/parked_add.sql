-- One that is parked already stays as it is.
INSERT INTO {schema}.parked (site, connector, sequence, reason, attempts, parked_at_ms, bytes, perhaps_sent)
SELECT e.site, e.connector, e.sequence, {reason}, e.attempts + 1, {now}, e.bytes, CASE WHEN e.perhaps_sent = 1 THEN 1 ELSE 0 END
FROM {schema}.entry e
WHERE e.site = {site} AND e.connector = {id} AND e.sequence = {sequence}
  AND NOT EXISTS (SELECT 1 FROM {schema}.parked p WHERE p.site = e.site AND p.connector = e.connector AND p.sequence = e.sequence)
