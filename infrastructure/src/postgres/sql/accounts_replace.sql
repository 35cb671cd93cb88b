UPDATE credentials SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2
