INSERT INTO webhook_endpoints (name, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING
