UPDATE cursors SET generation = generation + 1 WHERE user_id = ?1 AND device_id = ?2 RETURNING position, generation
