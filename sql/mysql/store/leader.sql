-- From where the session comes that holds the lock, and for how many seconds it has said nothing. An account sees its own sessions, without any right.
SELECT host, time FROM information_schema.processlist WHERE id = IS_USED_LOCK(CONCAT('bugrelay-', SHA1({name})))
