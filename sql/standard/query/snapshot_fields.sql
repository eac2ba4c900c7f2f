-- The site's fields (snapshot, every read).
SELECT id, name, type, custom, obsolete FROM fielddefs
