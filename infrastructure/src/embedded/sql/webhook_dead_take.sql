DELETE FROM webhook_dead WHERE endpoint = ?1 AND position = ?2
