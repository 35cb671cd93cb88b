-- Endpoint $1 did not take the event at $4 when it was tried at $6, says holder $2 in epoch $3; it is due again at $5.
WITH held AS (
    UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $6) WHERE name = $1 AND holder = $2 AND epoch = $3 RETURNING name
),
kept AS (
    UPDATE webhook_inbox i SET tries = tries + 1, due_at = $5 FROM held WHERE i.endpoint = held.name AND i.position = $4
)
SELECT name FROM held
