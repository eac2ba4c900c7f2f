-- What the publication publishes (postgresql_logical): a line for each table, or one without a table. Servers before 15 know
-- neither lists of columns nor filters. An identity is what a row is told by when it is changed or deleted.
SELECT p.pubinsert AS inserts, p.pubupdate AS updates, p.pubdelete AS deletes,
       t.schemaname::text AS schema, t.tablename::text AS name,
       (to_jsonb(t) ->> 'rowfilter') IS NOT NULL AS is_filtered,
       COALESCE(c.relreplident = 'f', false) AS tells_old_rows,
       all_columns.names AS columns,
       COALESCE((SELECT array_agg(listed) FROM jsonb_array_elements_text(to_jsonb(t) -> 'attnames') AS listed),
                all_columns.names) AS published,
       CASE c.relreplident WHEN 'f' THEN all_columns.names WHEN 'n' THEN NULL ELSE (
         SELECT array_agg(a.attname::text) FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
         WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END
       ) END AS identity
FROM pg_catalog.pg_publication p
LEFT JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
LEFT JOIN LATERAL (
  SELECT array_agg(a.attname::text) AS names FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
) all_columns ON true
WHERE p.pubname = 'bugrelay'
ORDER BY t.schemaname, t.tablename
