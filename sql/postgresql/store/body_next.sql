-- The bodies of what entry_next or parked_next gives, as many as may be in memory at once; the first whatever its size.
SELECT b.sequence, encode(b.bytes, 'hex'), b.event_bytes
FROM (
    SELECT w.sequence, w.bytes, sum(w.bytes) OVER (ORDER BY w.sequence) AS upto
    FROM (
        SELECT held.sequence, held.bytes
        FROM {schema}.connector
        JOIN {schema}.{table} held ON held.site = connector.site AND held.connector = connector.id
        WHERE connector.site = {site} AND connector.name = {name} AND held.sequence > {after}
        ORDER BY held.sequence
        LIMIT {limit}
    ) w
) e
JOIN {schema}.body b ON b.site = {site} AND b.sequence = e.sequence
WHERE e.upto <= {max} OR e.upto = e.bytes
ORDER BY b.sequence, b.part
