-- Every transaction begins with it: one writer at a time, and none that has been superseded.
SELECT epoch, turn, last_sequence, used_bytes FROM {schema}.site WHERE id = {site} FOR UPDATE
