UPDATE webhook_endpoints SET holder = NULL, held_until = 0 WHERE name = ?1 AND holder = ?2 AND epoch = ?3
