INSERT INTO cursors (user_id, device_id, position, opened_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
