SELECT coalesce((
    SELECT event_type = 'user.suspended' FROM events
    WHERE stream_id = ?1 AND event_type IN ('user.suspended', 'user.reinstated')
    ORDER BY version DESC LIMIT 1
), 0) OR EXISTS (SELECT 1 FROM events WHERE stream_id = ?1 AND event_type = 'user.erased')
