SELECT session_id, user_id, name, agent, created_at, used_at, expires_at, revision, family, used, offered, proved_at, proved_factor FROM sessions WHERE user_id = ?1
