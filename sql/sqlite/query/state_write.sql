-- position_since_ms is NULL in a store of an older version: at the latest since now.
UPDATE state
SET last_sequence = ?1, position = ?2, committed_at = ?3,
    position_since_ms = CASE WHEN position IS ?2 THEN ifnull(position_since_ms, ?4) ELSE ?4 END, server = ?5
WHERE id = 1
