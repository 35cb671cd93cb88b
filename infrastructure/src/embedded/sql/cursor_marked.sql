SELECT max(position, sent_position) FROM cursors WHERE user_id = ?1 AND device_id = ?2
