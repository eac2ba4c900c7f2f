-- Only if it is not there: the right to make one is checked before that.
CREATE SCHEMA IF NOT EXISTS {schema}
