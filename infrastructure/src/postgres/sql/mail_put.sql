INSERT INTO mail_queue (mail_id, purpose, address, queued_at, due_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (mail_id) DO NOTHING
