INSERT INTO passcode_attempts (user_id, thread_id, command_id, attempted_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
