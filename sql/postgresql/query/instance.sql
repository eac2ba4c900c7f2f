-- What tells this very process from every other, in whatever session it is asked (identity, and beside every read of Bugzilla's tables).
SELECT concat_ws(' ', pg_is_in_recovery(), extract(epoch FROM pg_postmaster_start_time()))
