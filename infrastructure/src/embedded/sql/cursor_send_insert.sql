INSERT INTO cursor_sends (user_id, device_id, from_position, to_position, sent_at) VALUES (?1, ?2, ?3, ?4, ?5)
