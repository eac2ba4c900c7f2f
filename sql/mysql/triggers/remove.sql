-- All else that install made for {database}. The schema stays, for something else may be in it, and so does {definer}: triggers on another Bugzilla of this server
-- may act as it, and without it all writes there fail. It is locked, and may do nothing here any more.
SET SESSION lock_wait_timeout = 1;
DROP PROCEDURE IF EXISTS {probe};
DROP TABLE IF EXISTS {queue}, {valve};
