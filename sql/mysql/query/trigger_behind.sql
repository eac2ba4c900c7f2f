-- What a connection wrote next behind an id (trigger capture).
SELECT who, at FROM {queue} WHERE transaction = {connection} AND id > {id} ORDER BY id LIMIT 1
