UPDATE mail_queue SET due_at = $3 WHERE mail_id = $1 AND tries = $2 AND died_at IS NULL
