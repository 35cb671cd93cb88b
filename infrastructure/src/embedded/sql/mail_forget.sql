DELETE FROM mail_queue WHERE died_at <= ?1
