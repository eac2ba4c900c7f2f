-- Every transaction ends with it. By the turn it can be told whether it was committed, should the connection be lost at that moment.
UPDATE {schema}.site SET turn = {turn}, last_sequence = {sequence}, used_bytes = {bytes} WHERE id = {site}
