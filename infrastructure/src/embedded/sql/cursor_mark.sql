UPDATE cursors SET sent_position = ?3 WHERE user_id = ?1 AND device_id = ?2
