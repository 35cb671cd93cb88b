SELECT count(*) FILTER (WHERE died_at IS NULL), min(queued_at) FILTER (WHERE died_at IS NULL), count(died_at) FROM mail_queue
