SELECT connector.name, entry.attempts,
       entry.perhaps_sent = 1 OR (entry.perhaps_sent = 0 AND ifnull(entry.sequence BETWEEN connector.flight_first AND connector.flight_last, 0)),
       NULL
FROM connector
CROSS JOIN entry ON entry.connector = connector.id AND entry.sequence = ?1
UNION ALL
SELECT connector.name, parked.attempts, parked.perhaps_sent, parked.reason
FROM connector
CROSS JOIN parked ON parked.connector = connector.id AND parked.sequence = ?1
ORDER BY 1
