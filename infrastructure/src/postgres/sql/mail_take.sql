-- Once, before anything is updated: else the lock could be taken, and the limit counted, anew for each row.
WITH due AS MATERIALIZED (
    SELECT mail_id FROM mail_queue WHERE died_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE mail_queue SET tries = tries + 1, due_at = $2 FROM due WHERE mail_queue.mail_id = due.mail_id
RETURNING mail_queue.mail_id, purpose, address, queued_at, tries
