INSERT INTO spent (first, last) VALUES (?1, ?2)
