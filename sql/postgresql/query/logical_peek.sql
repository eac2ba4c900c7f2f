-- What the slot holds, whole transactions, without taking it out (postgresql_logical).
SELECT data FROM pg_logical_slot_peek_binary_changes($1::text::name, $2, $3, 'proto_version', '1', 'publication_names', 'bugrelay')
