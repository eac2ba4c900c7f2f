-- Seconds since 1970; NULL before the first put.
SELECT committed_at FROM state WHERE id = 1
