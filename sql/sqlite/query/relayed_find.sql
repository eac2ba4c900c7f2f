SELECT digest, sequence FROM relayed WHERE message_id = ?1
