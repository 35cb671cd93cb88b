WITH run_out AS (
    SELECT digest FROM one_time_tokens WHERE expires_at <= $6 ORDER BY expires_at LIMIT $8 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM one_time_tokens USING run_out WHERE one_time_tokens.digest = run_out.digest
)
INSERT INTO one_time_tokens (digest, purpose, user_id, mail_id, bound, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
