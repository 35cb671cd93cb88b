SELECT position FROM event_users WHERE user_id = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4
