DELETE FROM spent WHERE rowid = ?1
