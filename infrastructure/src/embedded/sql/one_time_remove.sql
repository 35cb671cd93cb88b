DELETE FROM one_time_tokens WHERE user_id = ?1 AND purpose = ?2
