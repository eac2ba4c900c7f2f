SELECT (SELECT min(sequence) FROM message WHERE sequence > ?1), (SELECT max(sequence) FROM message)
