-- Takes those of the positions $4 out of the inbox of endpoint $1 whose streams are parked, says holder $2 in epoch $3. Their dead letters
-- are locked: whoever has a stream go on does it before this, which then leaves it alone, or after it, and finds what was set aside.
WITH held AS (
    SELECT name FROM webhook_endpoints WHERE name = $1 AND holder = $2 AND epoch = $3 FOR UPDATE
),
parked AS (
    SELECT v.position, v.category, v.stream_id
    FROM held
    JOIN events v ON v.position = ANY ($4::bigint[])
    JOIN dead_letters d ON d.consumer = 'webhook:' || held.name AND d.category = v.category AND d.stream_id = v.stream_id
    FOR SHARE OF d
),
gone AS (
    DELETE FROM webhook_inbox i USING parked WHERE i.endpoint = $1 AND i.position = parked.position
    RETURNING i.endpoint, parked.category, parked.stream_id, i.position
),
aside AS (
    INSERT INTO webhook_aside (endpoint, category, stream_id, position)
    SELECT endpoint, category, stream_id, position FROM gone
    ON CONFLICT DO NOTHING
)
SELECT name FROM held
