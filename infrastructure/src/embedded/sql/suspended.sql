SELECT event_type = 'user.suspended' FROM events
WHERE stream_id = ?1 AND event_type IN ('user.suspended', 'user.reinstated')
ORDER BY version DESC LIMIT 1
