INSERT INTO relay_confirmations (position, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING
