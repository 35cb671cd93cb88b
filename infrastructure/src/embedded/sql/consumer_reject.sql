INSERT INTO consumer_rejected (name, position, rejected) VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET rejected = rejected + 1 RETURNING rejected
