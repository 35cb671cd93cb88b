DELETE FROM passcode_attempts WHERE user_id = $1 AND thread_id = $2
