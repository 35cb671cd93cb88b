-- Up to $5 dead letters after that of consumer $2 and the stream $3, $4; of consumer $1 only, unless that is null. What waits behind one of a
-- webhook was set aside; of a view, it is the rest of the stream.
SELECT d.consumer, d.category, d.stream_id, d.position, d.version, d.tries, d.reason, d.died_at, d.asked_at,
    CASE WHEN d.consumer LIKE 'webhook:%' THEN
        (SELECT count(*) FROM webhook_aside a
        WHERE a.endpoint = substr(d.consumer, 9) AND a.category = d.category AND a.stream_id = d.stream_id AND a.position > d.position)
    ELSE
        (SELECT count(*) FROM events e WHERE e.stream_id = d.stream_id AND e.category = d.category AND e.version > d.version)
    END AS waiting
FROM dead_letters d
WHERE (d.consumer, d.category, d.stream_id) > ($2, $3, $4) AND ($1::text IS NULL OR d.consumer = $1)
ORDER BY d.consumer, d.category, d.stream_id
LIMIT $5
