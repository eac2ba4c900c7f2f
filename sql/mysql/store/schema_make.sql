-- Only if it is not there: the right to make one is checked before that.
CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4
