INSERT INTO cursors (user_id, device_id, position, opened_at, generation) VALUES (?1, ?2, ?3, ?4, 1)
