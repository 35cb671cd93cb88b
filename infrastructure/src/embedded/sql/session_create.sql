INSERT INTO sessions (
    session_id, user_id, name, agent, created_at, used_at, expires_at, revision, family, used, offered, proved_at, proved_factor
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
