UPDATE state
SET last_sequence = ?1, position = ?2, committed_at = ?3,
    position_since_ms = CASE WHEN position IS ?2 THEN position_since_ms ELSE ?4 END
WHERE id = 1
