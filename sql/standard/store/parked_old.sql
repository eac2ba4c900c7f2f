SELECT connector, sequence FROM {schema}.parked WHERE site = {site} AND parked_at_ms <= {before} ORDER BY sequence LIMIT {limit}
