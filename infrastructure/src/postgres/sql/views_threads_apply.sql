-- Takes a batch into the view if its checkpoint is still where the batch begins: the threads that were opened in it, and the last
-- message in it of each thread that had any.
-- Rows and checkpoint are lost together or not at all, and what is lost is taken in again: so this does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
moved AS (
    UPDATE view_checkpoints SET position = $2 FROM relaxed WHERE view = 'threads' AND position = $1 RETURNING position
),
opened AS (
    SELECT * FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::timestamptz[])
        AS o (thread_id, low_user, high_user, position, opened_at)
),
posted AS (
    SELECT * FROM unnest($8::uuid[], $9::bigint[], $10::timestamptz[], $11::uuid[], $12::text[])
        AS p (thread_id, position, posted_at, author, body)
),
known AS (
    SELECT thread_id, low_user, high_user, position, opened_at FROM opened
    UNION ALL
    SELECT t.thread_id, t.low_user, t.high_user, NULL, NULL FROM posted JOIN view_threads t USING (thread_id)
),
touched AS (
    SELECT
        k.thread_id, k.low_user, k.high_user, coalesce(p.position, k.position) AS activity, coalesce(p.posted_at, k.opened_at) AS active_at,
        p.position AS message_position, p.author AS message_author, p.body AS message_text
    FROM moved, known k LEFT JOIN posted p USING (thread_id)
),
threads AS (
    INSERT INTO view_threads (thread_id, low_user, high_user, active_at, message_position, message_author, message_text)
    SELECT thread_id, low_user, high_user, active_at, message_position, message_author, message_text FROM touched
    ON CONFLICT (thread_id) DO UPDATE SET
        active_at = excluded.active_at,
        message_position = excluded.message_position,
        message_author = excluded.message_author,
        message_text = excluded.message_text
),
lists AS (
    INSERT INTO view_thread_lists (user_id, thread_id, activity)
    SELECT unnest(ARRAY[low_user, high_user]), thread_id, activity FROM touched
    ON CONFLICT (user_id, thread_id) DO UPDATE SET activity = excluded.activity
)
SELECT position FROM moved
