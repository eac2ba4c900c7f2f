-- position is set last: MySQL reads what it has just set.
UPDATE {schema}.site
SET position_since_ms = CASE WHEN position = {position} THEN coalesce(position_since_ms, {now}) ELSE {now} END,
    committed_at = {committed_at},
    server = {server},
    position = {position}
WHERE id = {site}
