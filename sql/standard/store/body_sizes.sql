SELECT sequence, size FROM {schema}.body WHERE site = {site} AND sequence {within} ORDER BY sequence, part
