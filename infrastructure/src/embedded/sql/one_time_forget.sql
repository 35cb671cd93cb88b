DELETE FROM one_time_tokens
WHERE digest IN (SELECT digest FROM one_time_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
