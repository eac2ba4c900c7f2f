-- ON: a node of a Galera cluster. No row: the server knows no such thing.
SHOW GLOBAL VARIABLES LIKE 'wsrep_on'
