SELECT position, thread_id, change FROM event_users WHERE user_id = ?1 AND change IS NOT NULL ORDER BY position
