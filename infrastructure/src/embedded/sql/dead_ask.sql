UPDATE dead_letters SET asked_at = ?4 WHERE consumer = ?1 AND category = ?2 AND stream_id = ?3
