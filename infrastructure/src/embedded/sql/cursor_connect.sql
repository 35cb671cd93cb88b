UPDATE cursors SET generation = generation + 1, session_id = ?3, connected_at = ?4 WHERE user_id = ?1 AND device_id = ?2
RETURNING position, generation
