UPDATE {schema}.connector
SET attempts = {attempts}, next_attempt_ms = {next_attempt}, last_error = {last_error}, class = {class}
WHERE site = {site} AND id = {id}
