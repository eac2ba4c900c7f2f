DELETE FROM parked WHERE parked_at_ms <= ?1 RETURNING sequence
