SELECT position, generation FROM cursors WHERE user_id = ?1 AND device_id = ?2
