-- Which server this is, and how far its history goes (identity): the id that it shares with its standbys, the timeline, the end of its log, and
-- whether it is a standby. One cannot be asked for the place that it writes at.
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()),
       CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::bigint FROM pg_catalog.pg_control_checkpoint())
            ELSE ('x' || lpad(left(pg_walfile_name(pg_current_wal_lsn()), 8), 16, '0'))::bit(64)::bigint END,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END,
       pg_is_in_recovery()
