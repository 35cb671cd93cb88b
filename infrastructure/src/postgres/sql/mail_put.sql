-- What is there is written as it is: to put in one more must cost what it costs to put in the first, for whoever measures it.
INSERT INTO mail_queue (mail_id, purpose, address, folded, queued_at, due_at) VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (folded, purpose) WHERE died_at IS NULL DO UPDATE SET folded = excluded.folded
