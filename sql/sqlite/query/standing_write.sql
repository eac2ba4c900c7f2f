UPDATE connector SET attempts = ?2, next_attempt_ms = ?3, last_error = ?4, class = ?5 WHERE id = ?1
