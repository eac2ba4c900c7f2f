SELECT sweep_start, swept_until, sweep_first FROM state WHERE id = 1 AND swept_until IS NOT NULL
