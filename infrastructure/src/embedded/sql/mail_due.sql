SELECT mail_id, purpose, address, queued_at, tries FROM mail_queue WHERE died_at IS NULL AND due_at <= ?1 ORDER BY due_at LIMIT ?2
