-- When a bug was last saved; what is dated later than any zone can show is a mistake (history).
SELECT delta_ts FROM bugs WHERE delta_ts < '{before}' ORDER BY delta_ts DESC LIMIT 1
