SELECT email, password_hash FROM credentials WHERE user_id = ?1
