INSERT INTO webhook_aside (endpoint, category, stream_id, position) SELECT ?1, category, stream_id, position FROM events WHERE position = ?2 ON CONFLICT DO NOTHING
