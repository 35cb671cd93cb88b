SELECT position, tries, reason, died_at FROM webhook_dead WHERE endpoint = ?1 AND position > ?2 ORDER BY position LIMIT ?3
