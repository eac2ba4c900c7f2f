-- How a session of the trigger capture begins: no statement of it may hang.
SET statement_timeout = '50s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '60s';
LISTEN {schema}
