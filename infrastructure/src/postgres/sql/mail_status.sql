SELECT count(*) FILTER (WHERE died_at IS NULL) AS waiting, min(queued_at) FILTER (WHERE died_at IS NULL) AS oldest, count(died_at) AS dead
FROM mail_queue
