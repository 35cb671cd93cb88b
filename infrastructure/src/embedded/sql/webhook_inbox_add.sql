INSERT INTO webhook_inbox (endpoint, position) VALUES (?1, ?2) ON CONFLICT DO NOTHING
