DELETE FROM credentials WHERE user_id = $1
