-- The trigger of a name, as it is now (triggers install).
SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = ? AND trigger_name = ?
