SELECT count(*) FROM webhook_inbox WHERE endpoint = ?1
