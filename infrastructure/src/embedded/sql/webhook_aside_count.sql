SELECT count(*) FROM webhook_aside WHERE endpoint = ?1
