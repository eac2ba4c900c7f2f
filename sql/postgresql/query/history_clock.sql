-- The server's clock, what it shows to sessions, and what it calls their zone (history).
SELECT CAST(now() AT TIME ZONE 'UTC' AS timestamp(0)), LOCALTIMESTAMP(0), current_setting('TimeZone')
