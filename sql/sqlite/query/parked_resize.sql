UPDATE parked SET bytes = ?2 WHERE connector IN (SELECT id FROM connector) AND sequence = ?1
