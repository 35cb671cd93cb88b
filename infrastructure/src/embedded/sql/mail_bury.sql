UPDATE mail_queue SET died_at = ?3, reason = ?4 WHERE mail_id = ?1 AND tries = ?2 AND died_at IS NULL
