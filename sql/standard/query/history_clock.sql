-- The server's clock, in the zone in which Bugzilla's times are (history).
SELECT LOCALTIMESTAMP(0)
