-- What bugrelay may do on MySQL and MariaDB: read the binlog (with `capture = "binlog"`), and read the tables that messages are made of.
-- Run it as an administrator. Put your own names for: the database `bugs`, the account 'bugrelay'@'%', the password.
--
-- The right to read the binlog is the right to read everything that is written on the server, password hashes included:
-- guard this account's password as you guard root's. bugrelay itself decodes five tables and no other.

CREATE USER 'bugrelay'@'%' IDENTIFIED BY 'change me';

-- The binlog. Leave this out with `capture = "triggers"`. BINLOG MONITOR is MariaDB's word; MySQL calls it REPLICATION CLIENT, which MariaDB takes for the same.
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'bugrelay'@'%';

-- The tables that messages are made of.
GRANT SELECT ON bugs.attachments    TO 'bugrelay'@'%';
GRANT SELECT ON bugs.bug_group_map  TO 'bugrelay'@'%';
GRANT SELECT ON bugs.bug_status     TO 'bugrelay'@'%';
GRANT SELECT ON bugs.bugs           TO 'bugrelay'@'%';
GRANT SELECT ON bugs.bugs_activity  TO 'bugrelay'@'%';
GRANT SELECT ON bugs.classifications TO 'bugrelay'@'%';
GRANT SELECT ON bugs.components     TO 'bugrelay'@'%';
GRANT SELECT ON bugs.duplicates     TO 'bugrelay'@'%';
GRANT SELECT ON bugs.fielddefs      TO 'bugrelay'@'%';
GRANT SELECT ON bugs.flags          TO 'bugrelay'@'%';
GRANT SELECT ON bugs.flagtypes      TO 'bugrelay'@'%';
GRANT SELECT ON bugs.`groups`       TO 'bugrelay'@'%';
GRANT SELECT ON bugs.keyworddefs    TO 'bugrelay'@'%';
GRANT SELECT ON bugs.keywords       TO 'bugrelay'@'%';
GRANT SELECT ON bugs.longdescs      TO 'bugrelay'@'%';
GRANT SELECT ON bugs.milestones     TO 'bugrelay'@'%';
GRANT SELECT ON bugs.products       TO 'bugrelay'@'%';
GRANT SELECT ON bugs.versions       TO 'bugrelay'@'%';

-- Of people their id, login and name; never the password hash.
GRANT SELECT (userid, login_name, realname) ON bugs.profiles TO 'bugrelay'@'%';

-- Bugzilla 5.0 and later keep aliases in a table of their own; leave this out before, and run it after an upgrade from 4.4.
GRANT SELECT ON bugs.bugs_aliases   TO 'bugrelay'@'%';

-- Custom fields with several values have a table each. This prints the grants for those that exist; run what it prints, and run it
-- again after adding such a field.
SELECT CONCAT('GRANT SELECT ON bugs.`', table_name, '` TO ''bugrelay''@''%'';') AS grants_for_custom_fields
FROM information_schema.tables
WHERE table_schema = 'bugs' AND table_name LIKE 'bug\_cf\_%';

-- With `capture = "triggers"`: `bugrelay triggers install` makes the queue, an account that the triggers act as and nobody can log in as
-- ('bugrelay_triggers'@'localhost'), and grants the rights on it, which are these. `bugrelay triggers sql` prints all of it.
-- GRANT SELECT, DELETE ON bugrelay.trigger_queue_bugs TO 'bugrelay'@'%';
-- GRANT SELECT, UPDATE (closed_above) ON bugrelay.trigger_valve_bugs TO 'bugrelay'@'%';
-- GRANT EXECUTE ON PROCEDURE bugrelay.trigger_probe_bugs TO 'bugrelay'@'%';
