SELECT position, tries, due_at FROM webhook_inbox WHERE endpoint = ?1 ORDER BY position LIMIT ?2
