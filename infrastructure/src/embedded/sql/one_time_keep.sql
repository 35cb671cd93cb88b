INSERT INTO one_time_tokens (digest, purpose, user_id, mail_id, bound, made_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
