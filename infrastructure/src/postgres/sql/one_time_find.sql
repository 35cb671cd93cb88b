SELECT digest, purpose, user_id, mail_id, bound, made_at, expires_at FROM one_time_tokens WHERE digest = $1
