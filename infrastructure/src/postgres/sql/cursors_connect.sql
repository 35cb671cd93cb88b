-- Connects a device ($1, $2) of a session ($3) that says where it stands ($4, or null), at a time ($5): everything that is to be known
-- for it in one statement. One row for each time that its user was in a thread, or one row without; the cursor and the generation are
-- null when the session was revoked, its user is suspended or was erased, or when the device claims to be beyond the end of the log, and then nothing is written.
WITH head AS MATERIALIZED (
    SELECT position FROM log_head ORDER BY position DESC LIMIT 1
),
session AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM events
        WHERE stream_id = $1 AND category = 'user' AND event_type = 'user.session_revoked' AND facts ->> 'session' = $3::text
    ) AS revoked, coalesce((
        SELECT event_type = 'user.suspended' FROM events
        WHERE stream_id = $1 AND category = 'user' AND event_type IN ('user.suspended', 'user.reinstated')
        ORDER BY version DESC LIMIT 1
    ), false) OR EXISTS (SELECT FROM events WHERE stream_id = $1 AND event_type = 'user.erased') AS suspended
),
connected AS (
    INSERT INTO cursors AS known (user_id, device_id, position, opened_position, opened_at, generation, session_id, connected_at)
    SELECT $1, $2, first, first, $5, 1, ($3::text)::uuid, $5
    FROM head, session, coalesce($4, 0::bigint) first
    WHERE NOT session.revoked AND NOT session.suspended AND first <= head.position
    ON CONFLICT (user_id, device_id) DO UPDATE SET
        generation = known.generation + 1, session_id = excluded.session_id, connected_at = excluded.connected_at
    RETURNING position, generation
),
windows AS (
    SELECT joined.thread_id, joined.position AS joined, (
        SELECT gone.position FROM event_users gone
        WHERE gone.user_id = $1 AND gone.thread_id = joined.thread_id AND gone.change = -1 AND gone.position > joined.position
        ORDER BY gone.position LIMIT 1
    ) AS gone
    FROM event_users joined
    WHERE joined.user_id = $1 AND joined.change = 1
)
SELECT
    head.position AS as_of, session.revoked, session.suspended, connected.position AS cursor, connected.generation,
    windows.thread_id, windows.joined, windows.gone AS left
FROM head CROSS JOIN session LEFT JOIN connected ON true LEFT JOIN windows ON true
ORDER BY windows.joined
