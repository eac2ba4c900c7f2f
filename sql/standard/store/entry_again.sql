-- Parked messages wait again. -1: whatever is in flight around them just now, they are not.
INSERT INTO {schema}.entry (site, connector, sequence, bytes, attempts, perhaps_sent)
SELECT p.site, p.connector, p.sequence, p.bytes, p.attempts, CASE WHEN p.perhaps_sent = 1 THEN 1 ELSE -1 END
FROM {schema}.parked p
WHERE p.site = {site} AND p.connector = {id} AND p.sequence IN ({sequences})
  AND NOT EXISTS (SELECT 1 FROM {schema}.entry e WHERE e.site = p.site AND e.connector = p.connector AND e.sequence = p.sequence)
