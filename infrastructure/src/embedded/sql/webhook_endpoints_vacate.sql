UPDATE webhook_endpoints SET holder = NULL, held_until = 0 WHERE holder IS NOT NULL
