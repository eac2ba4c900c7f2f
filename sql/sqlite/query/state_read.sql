SELECT last_sequence, position, committed_at FROM state WHERE id = 1
