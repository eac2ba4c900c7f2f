SELECT b.sequence, hex(b.bytes), b.event_bytes
FROM {schema}.body b
WHERE b.site = {site} AND b.sequence IN ({sequences})
ORDER BY b.sequence, b.part
