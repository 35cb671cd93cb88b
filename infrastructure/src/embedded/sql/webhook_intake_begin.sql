INSERT INTO webhook_intake (one, taken) VALUES (1, ?1) ON CONFLICT DO NOTHING
