SELECT position, thread_id, change FROM event_users WHERE user_id = ?1 AND thread_id = ?2 AND change IS NOT NULL ORDER BY position
