INSERT INTO consumer_dead (name, position) VALUES (?1, ?2) ON CONFLICT DO NOTHING
