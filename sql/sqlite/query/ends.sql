-- Touches both ends of every table. No row: the state is missing.
SELECT last_sequence,
       (SELECT max(sequence) FROM message), (SELECT min(sequence) FROM message),
       (SELECT max(sequence) FROM body), (SELECT min(sequence) FROM body),
       (SELECT max(connector) FROM entry), (SELECT min(connector) FROM entry),
       (SELECT max(connector) FROM parked), (SELECT min(connector) FROM parked),
       (SELECT max(rowid) FROM spent), (SELECT min(rowid) FROM spent),
       (SELECT max(key) FROM ledger), (SELECT min(key) FROM ledger),
       (SELECT count(*) FROM connector)
FROM state
WHERE id = 1
