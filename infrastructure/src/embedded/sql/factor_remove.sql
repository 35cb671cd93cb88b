DELETE FROM factors WHERE user_id = ?1 AND factor_id = ?2
