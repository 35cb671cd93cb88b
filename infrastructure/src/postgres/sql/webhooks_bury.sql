-- The event at $4 is given up for endpoint $1, says holder $2 in epoch $3: because of $5, at $6.
WITH held AS (
    UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $6) WHERE name = $1 AND holder = $2 AND epoch = $3 RETURNING name
),
gone AS (
    DELETE FROM webhook_inbox i USING held WHERE i.endpoint = held.name AND i.position = $4 RETURNING i.endpoint, i.position, i.tries
),
dead AS (
    INSERT INTO webhook_dead (endpoint, position, tries, reason, died_at)
    SELECT endpoint, position, tries + 1, $5, $6 FROM gone
    ON CONFLICT (endpoint, position) DO UPDATE SET tries = excluded.tries, reason = excluded.reason, died_at = excluded.died_at
)
SELECT name FROM held
