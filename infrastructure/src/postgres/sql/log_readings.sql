-- For each of these users ($2), when they first said that they had read a thread ($1) up to a position ($3), and on which device.
SELECT asked.user_id, reading.recorded_at, reading.device_id
FROM unnest($2::uuid[]) AS asked (user_id)
CROSS JOIN LATERAL (
    SELECT e.recorded_at, (e.facts ->> 'device')::uuid AS device_id
    FROM events e
    WHERE e.event_type = 'subscription.read'
        AND (e.facts ->> 'thread')::uuid = $1 AND (e.facts ->> 'user')::uuid = asked.user_id AND (e.facts ->> 'upto')::bigint >= $3
    ORDER BY (e.facts ->> 'upto')::bigint
    LIMIT 1
) reading
