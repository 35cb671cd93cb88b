-- What is owed to a user ($1) after a position ($2) and up to another ($3), at most so many ($4): the events of threads from joining
-- to leaving, and those that name the user. Only positions are gathered, at most $4 from each thread, all by index; then the first
-- $4 of them are fetched.
WITH windows AS MATERIALIZED (
    SELECT joined.thread_id, joined.position AS first, coalesce(
        (
            SELECT gone.position FROM event_users gone
            WHERE gone.user_id = $1 AND gone.thread_id = joined.thread_id AND gone.change = -1 AND gone.position > joined.position
            ORDER BY gone.position LIMIT 1
        ),
        $3
    ) AS last
    FROM event_users joined
    WHERE joined.user_id = $1 AND joined.change = 1 AND joined.position <= $3
),
owed AS MATERIALIZED (
    SELECT event.position
    FROM windows
    CROSS JOIN LATERAL (
        SELECT e.position FROM events e
        WHERE e.thread_id = windows.thread_id
            AND e.position > greatest($2, windows.first - 1) AND e.position <= least($3, windows.last)
        ORDER BY e.position LIMIT $4
    ) event
    WHERE windows.last > $2
    UNION
    (
        SELECT named.position FROM event_users named
        WHERE named.user_id = $1 AND named.position > $2 AND named.position <= $3
        ORDER BY named.position LIMIT $4
    )
    ORDER BY position
    LIMIT $4
)
SELECT
    position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, causation, schema, ordinal, category, event_type,
    fingerprint, hash, facts::text AS facts, content
FROM owed JOIN events USING (position)
ORDER BY position
