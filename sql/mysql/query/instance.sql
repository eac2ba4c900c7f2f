-- What tells this very server from every other, in whatever session it is asked (identity, and beside every read of Bugzilla's tables).
-- MariaDB passes over MySQL's comment.
SELECT CONCAT_WS(' ', /*!80000 @@GLOBAL.server_uuid, */ @@GLOBAL.server_id, @@GLOBAL.hostname, @@GLOBAL.port, @@GLOBAL.datadir, @@GLOBAL.pid_file)
