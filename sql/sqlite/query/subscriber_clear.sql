UPDATE connector SET filter = NULL WHERE filter IS NOT NULL
