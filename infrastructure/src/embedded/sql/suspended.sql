SELECT event_type <> 'user.reinstated' FROM events
WHERE stream_id = ?1 AND event_type IN ('user.suspended', 'user.reinstated', 'user.erased')
ORDER BY version DESC LIMIT 1
