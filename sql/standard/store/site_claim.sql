-- Whoever led before finds another epoch than its own, and writes nothing more.
UPDATE {schema}.site SET epoch = epoch + 1 WHERE id = {site}
