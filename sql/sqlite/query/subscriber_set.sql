INSERT INTO connector (name, filter) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET filter = excluded.filter
