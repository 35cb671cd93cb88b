DELETE FROM sessions WHERE user_id = $1 AND session_id = ANY ($2)
