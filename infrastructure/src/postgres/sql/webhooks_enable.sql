-- Goes on sending to endpoint $1, the oldest event at once.
WITH enabled AS (
    UPDATE webhook_endpoints SET disabled_at = NULL, failing_since = NULL WHERE name = $1 AND disabled_at IS NOT NULL RETURNING name
),
due AS (
    UPDATE webhook_inbox i SET due_at = 'epoch' FROM enabled
    WHERE i.endpoint = enabled.name AND i.position = (SELECT min(position) FROM webhook_inbox WHERE endpoint = $1)
)
SELECT name FROM enabled
