UPDATE webhook_endpoints SET epoch = ?2, holder = ?3, held_until = ?4 WHERE name = ?1
