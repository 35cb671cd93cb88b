SELECT count(*) FROM events WHERE stream_id = ?1 AND category = ?2 AND version > ?3
