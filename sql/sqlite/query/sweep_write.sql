UPDATE state SET sweep_start = ?1, swept_until = ?2, sweep_first = ?3 WHERE id = 1
