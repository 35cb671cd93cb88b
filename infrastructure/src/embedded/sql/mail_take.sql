UPDATE mail_queue SET tries = tries + 1, due_at = ?2 WHERE mail_id = ?1
