DELETE FROM webhook_aside WHERE endpoint = ?1 AND category = ?2 AND stream_id = ?3 RETURNING position
