-- From where the session comes that holds the lock. An account sees its own sessions, without any right.
SELECT host FROM information_schema.processlist WHERE id = IS_USED_LOCK(CONCAT('bugrelay-', SHA1({name})))
