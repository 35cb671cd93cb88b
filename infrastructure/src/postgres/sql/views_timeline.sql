-- A page of a thread's messages, newest first.
SELECT position, message_id, author, body, posted_at FROM view_timeline
WHERE thread_id = $1 AND position < $2
ORDER BY position DESC LIMIT $3
