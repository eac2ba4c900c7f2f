-- Bugs whose insert lies before a new slot, and whose filing may come behind it (postgresql_logical).
SELECT bug_id::int8 FROM bugs WHERE creation_ts IS NULL ORDER BY bug_id DESC LIMIT 1000
