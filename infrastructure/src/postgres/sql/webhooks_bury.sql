-- The event at $4 is given up for endpoint $1, says holder $2 in epoch $3: because of $5, at $6. It is a dead letter, and its stream is parked.
WITH held AS (
    UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $6) WHERE name = $1 AND holder = $2 AND epoch = $3 RETURNING name
),
gone AS (
    DELETE FROM webhook_inbox i USING held WHERE i.endpoint = held.name AND i.position = $4 RETURNING i.endpoint, i.position, i.tries
),
aside AS (
    INSERT INTO webhook_aside (endpoint, category, stream_id, position)
    SELECT gone.endpoint, e.category, e.stream_id, e.position FROM gone JOIN events e USING (position)
    ON CONFLICT DO NOTHING
),
dead AS (
    INSERT INTO dead_letters (consumer, category, stream_id, position, version, tries, reason, died_at)
    SELECT 'webhook:' || gone.endpoint, e.category, e.stream_id, e.position, e.version, gone.tries + 1, $5, $6
    FROM gone JOIN events e USING (position)
    ON CONFLICT DO NOTHING
)
SELECT name FROM held
