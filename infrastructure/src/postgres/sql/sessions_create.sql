WITH run_out AS (
    SELECT session_id FROM sessions WHERE expires_at <= $5 ORDER BY expires_at LIMIT $14 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM sessions USING run_out WHERE sessions.session_id = run_out.session_id
)
INSERT INTO sessions (
    session_id, user_id, name, agent, created_at, used_at, expires_at, revision, family, used, offered, proved_at, proved_factor
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
