UPDATE state SET swept_until = max(swept_until, ?1) WHERE id = 1 AND sweep_first IS NULL
