SELECT e.name, e.since, e.failing_since, e.disabled_at, oldest.position AS oldest, coalesce(oldest.tries, 0) AS tries,
    (SELECT count(*) FROM webhook_inbox i WHERE i.endpoint = e.name) AS waiting,
    (SELECT count(*) FROM webhook_dead d WHERE d.endpoint = e.name) AS dead
FROM webhook_endpoints e
LEFT JOIN LATERAL (
    SELECT position, tries FROM webhook_inbox i WHERE i.endpoint = e.name ORDER BY position LIMIT 1
) oldest ON true
ORDER BY e.name
