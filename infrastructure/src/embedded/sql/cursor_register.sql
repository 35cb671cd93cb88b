INSERT INTO cursors (user_id, device_id, position, opened_at, generation, session_id, connected_at) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?4)
