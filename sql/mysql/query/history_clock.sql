-- The server's clock, what it shows to sessions, and what it calls their zone (history).
SELECT UTC_TIMESTAMP(0), LOCALTIMESTAMP(0), @@session.time_zone
