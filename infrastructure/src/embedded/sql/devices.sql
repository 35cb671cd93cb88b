SELECT user_id, device_id, position, generation, session_id, connected_at FROM cursors
WHERE user_id BETWEEN ?1 AND ?2 AND (user_id, device_id) > (?3, ?4)
ORDER BY user_id, device_id LIMIT ?5
