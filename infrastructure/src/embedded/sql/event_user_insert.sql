INSERT INTO event_users (user_id, position, thread_id, change) VALUES (?1, ?2, ?3, ?4)
