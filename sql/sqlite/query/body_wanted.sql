-- Whether anybody still needs a body of this range.
SELECT EXISTS (
    SELECT 1 FROM connector
    WHERE EXISTS (SELECT 1 FROM entry WHERE entry.connector = connector.id AND entry.sequence BETWEEN ?1 AND ?2)
       OR EXISTS (SELECT 1 FROM parked WHERE parked.connector = connector.id AND parked.sequence BETWEEN ?1 AND ?2)
)
