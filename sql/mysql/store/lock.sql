-- Who has it, leads. It ends with the session.
SELECT GET_LOCK(CONCAT('bugrelay-', SHA1({name})), 0)
