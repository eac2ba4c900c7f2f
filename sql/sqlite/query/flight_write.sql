UPDATE connector SET flight_first = ?2, flight_last = ?3 WHERE id = ?1
