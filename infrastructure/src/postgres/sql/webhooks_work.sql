-- The oldest $4 events in the inbox of endpoint $1, for holder $2 in epoch $3, and whether their streams are parked; one row without an
-- event when the inbox is empty.
SELECT e.disabled_at, e.failing_since, i.position, i.tries, i.due_at, i.parked
FROM webhook_endpoints e
LEFT JOIN LATERAL (
    SELECT w.position, w.tries, w.due_at, EXISTS (
        SELECT FROM events v
        JOIN dead_letters d ON d.consumer = 'webhook:' || e.name AND d.category = v.category AND d.stream_id = v.stream_id
        WHERE v.position = w.position
    ) AS parked
    FROM webhook_inbox w WHERE w.endpoint = e.name ORDER BY w.position LIMIT $4
) i ON true
WHERE e.name = $1 AND e.holder = $2 AND e.epoch = $3
ORDER BY i.position
