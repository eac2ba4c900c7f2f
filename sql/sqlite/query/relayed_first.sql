SELECT min(put_at_ms) FROM relayed
