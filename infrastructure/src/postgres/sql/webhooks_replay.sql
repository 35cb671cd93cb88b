-- Puts the dead letter at $2 of endpoint $1, or all of them without $2, back into the inbox.
WITH raised AS (
    DELETE FROM webhook_dead WHERE endpoint = $1 AND ($2::bigint IS NULL OR position = $2) RETURNING endpoint, position
)
INSERT INTO webhook_inbox (endpoint, position) SELECT endpoint, position FROM raised
ON CONFLICT (endpoint, position) DO UPDATE SET tries = 0, due_at = 'epoch'
