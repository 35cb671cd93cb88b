-- Puts back into the inbox of endpoint $1 what was set aside of the stream $2, $3, but for what is at $4. A statement of its own after
-- dead_raise, so that it sees what was set aside until then.
WITH back AS (
    DELETE FROM webhook_aside WHERE endpoint = $1 AND category = $2 AND stream_id = $3 RETURNING endpoint, position
)
INSERT INTO webhook_inbox (endpoint, position) SELECT endpoint, position FROM back WHERE $4::bigint IS NULL OR position <> $4
ON CONFLICT (endpoint, position) DO UPDATE SET tries = 0, due_at = 'epoch'
