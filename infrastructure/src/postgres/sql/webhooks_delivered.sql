-- Endpoint $1 has the event at $4, says holder $2 in epoch $3.
WITH held AS (
    UPDATE webhook_endpoints SET failing_since = NULL WHERE name = $1 AND holder = $2 AND epoch = $3 RETURNING name
),
gone AS (
    DELETE FROM webhook_inbox i USING held WHERE i.endpoint = held.name AND i.position = $4
)
SELECT name FROM held
