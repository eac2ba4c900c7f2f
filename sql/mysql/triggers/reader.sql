-- bugrelay's account reads and deletes, raises the valve, asks whether all is well, and cannot write a row.
GRANT SELECT, DELETE ON {queue} TO {reader};
GRANT SELECT, UPDATE (closed_above) ON {valve} TO {reader};
GRANT EXECUTE ON PROCEDURE {probe} TO {reader};
