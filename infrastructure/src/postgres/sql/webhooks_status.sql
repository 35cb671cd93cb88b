SELECT e.name, e.since, e.failing_since, e.disabled_at, oldest.position AS oldest, coalesce(oldest.tries, 0) AS tries,
    (SELECT count(*) FROM webhook_inbox i WHERE i.endpoint = e.name) AS waiting,
    dead.letters AS dead,
    (SELECT count(*) FROM webhook_aside a WHERE a.endpoint = e.name) - dead.letters AS aside
FROM webhook_endpoints e
CROSS JOIN LATERAL (SELECT count(*) AS letters FROM dead_letters d WHERE d.consumer = 'webhook:' || e.name) dead
LEFT JOIN LATERAL (
    SELECT position, tries FROM webhook_inbox i WHERE i.endpoint = e.name ORDER BY position LIMIT 1
) oldest ON true
ORDER BY e.name
