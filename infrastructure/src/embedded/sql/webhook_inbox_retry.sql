UPDATE webhook_inbox SET tries = tries + 1, due_at = ?3 WHERE endpoint = ?1 AND position = ?2
