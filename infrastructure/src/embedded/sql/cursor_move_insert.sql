INSERT INTO cursor_moves (user_id, device_id, from_position, to_position, moved_at) VALUES (?1, ?2, ?3, ?4, ?5)
