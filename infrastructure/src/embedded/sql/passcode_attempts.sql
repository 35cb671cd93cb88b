SELECT count(*) FROM passcode_attempts WHERE user_id = ?1 AND thread_id = ?2 AND attempted_at >= ?3
