INSERT INTO consumers (name, checkpoint) VALUES (?1, ?2) ON CONFLICT DO NOTHING
