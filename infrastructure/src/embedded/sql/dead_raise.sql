DELETE FROM dead_letters WHERE consumer = ?1 AND category = ?2 AND stream_id = ?3
