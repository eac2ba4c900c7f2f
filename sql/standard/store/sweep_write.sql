UPDATE {schema}.site SET sweep_start = {start}, swept_until = {until}, sweep_first = {first} WHERE id = {site}
