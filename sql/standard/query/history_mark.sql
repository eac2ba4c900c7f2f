-- Where a page ends: the value of the row behind so many others, found in an index alone (history, each page).
SELECT {column} FROM {table} WHERE {range} ORDER BY {column} LIMIT 1 OFFSET {rows}
