SELECT id, flight_first, flight_last FROM connector WHERE name = ?1
