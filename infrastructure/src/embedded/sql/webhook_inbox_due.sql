UPDATE webhook_inbox SET due_at = 0 WHERE endpoint = ?1 AND position = (SELECT min(position) FROM webhook_inbox WHERE endpoint = ?1)
