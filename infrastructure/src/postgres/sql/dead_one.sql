-- The dead letter of consumer $1 and the stream $2, $3; as in dead_list.
SELECT d.consumer, d.category, d.stream_id, d.position, d.version, d.tries, d.reason, d.died_at, d.asked_at,
    CASE WHEN d.consumer LIKE 'webhook:%' THEN
        (SELECT count(*) FROM webhook_aside a
        WHERE a.endpoint = substr(d.consumer, 9) AND a.category = d.category AND a.stream_id = d.stream_id AND a.position > d.position)
    ELSE
        (SELECT count(*) FROM events e WHERE e.stream_id = d.stream_id AND e.category = d.category AND e.version > d.version)
    END AS waiting
FROM dead_letters d
WHERE d.consumer = $1 AND d.category = $2 AND d.stream_id = $3
