-- The tables that must have a trigger, whether they are there, and whether theirs is and fires (triggers check).
SELECT asked.name, to_regclass(asked.name) IS NOT NULL, t.oid IS NOT NULL, coalesce(t.tgenabled IN ('O', 'A'), false)
FROM unnest($2::text[]) AS asked (name)
LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = to_regclass(asked.name) AND t.tgname = $1 || '_note'
