SELECT mail_id, purpose, queued_at, died_at, tries, reason FROM mail_queue WHERE died_at IS NOT NULL ORDER BY died_at DESC LIMIT ?1
