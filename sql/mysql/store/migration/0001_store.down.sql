-- Takes the store away, with everything that waits in it, of all Bugzillas of the server. Run by hand, when no bugrelay runs.
DROP TABLE {schema}.ledger, {schema}.parked, {schema}.entry, {schema}.connector, {schema}.body, {schema}.message, {schema}.site,
    {schema}.store_version
