DELETE FROM mail_queue WHERE mail_id = ?1 AND tries = ?2 AND died_at IS NULL
