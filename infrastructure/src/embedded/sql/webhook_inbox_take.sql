DELETE FROM webhook_inbox WHERE endpoint = ?1 AND position = ?2 RETURNING tries
