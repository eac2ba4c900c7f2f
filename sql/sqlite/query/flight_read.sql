SELECT id, flight_first, flight_last, paused FROM connector WHERE name = ?1
