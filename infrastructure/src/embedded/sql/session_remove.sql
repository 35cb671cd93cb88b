DELETE FROM sessions WHERE session_id = ?1 AND user_id = ?2
