UPDATE sessions
SET name = ?2, used_at = ?3, expires_at = ?4, revision = ?5, used = ?6, offered = ?7, proved_at = ?8, proved_factor = ?9
WHERE session_id = ?1 AND revision = ?5 - 1
