SELECT last_sequence, position, committed_at, server FROM state WHERE id = 1
