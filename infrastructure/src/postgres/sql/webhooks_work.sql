-- The oldest $4 events in the inbox of endpoint $1, for holder $2 in epoch $3; one row without an event when the inbox is empty.
SELECT e.disabled_at, e.failing_since, i.position, i.tries, i.due_at
FROM webhook_endpoints e
LEFT JOIN LATERAL (
    SELECT position, tries, due_at FROM webhook_inbox WHERE endpoint = e.name ORDER BY position LIMIT $4
) i ON true
WHERE e.name = $1 AND e.holder = $2 AND e.epoch = $3
ORDER BY i.position
