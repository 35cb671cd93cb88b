SELECT consumer, category, stream_id, position, version, tries, reason, died_at, asked_at FROM dead_letters WHERE consumer = ?1 AND category = ?2 AND stream_id = ?3
