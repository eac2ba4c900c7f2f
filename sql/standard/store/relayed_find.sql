SELECT message_id, digest, sequence FROM {schema}.relayed WHERE site = {site} AND message_id IN ({ids})
