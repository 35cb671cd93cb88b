SELECT 1 FROM events WHERE stream_id = ?1 AND event_type = 'user.session_revoked' AND facts ->> '$.session' = ?2
