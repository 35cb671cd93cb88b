SELECT count(*) FROM webhook_dead WHERE endpoint = ?1
