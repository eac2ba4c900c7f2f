-- Bodies that carry more than their event, and what they are about.
SELECT b.sequence, m.target, m.bug, m.object
FROM {schema}.body b
JOIN {schema}.message m ON m.site = b.site AND m.sequence = b.sequence
WHERE b.site = {site} AND b.sequence > {after} AND b.part = 0 AND b.event_bytes > 0
ORDER BY b.sequence
LIMIT {limit}
