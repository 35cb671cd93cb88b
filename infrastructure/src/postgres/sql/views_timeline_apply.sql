-- Takes a batch into the view if its checkpoint is still where the batch begins.
-- Rows and checkpoint are lost together or not at all, and what is lost is taken in again: so this does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
moved AS (
    UPDATE view_checkpoints SET position = $2 FROM relaxed WHERE view = 'timeline' AND position = $1 RETURNING position
),
timeline AS (
    INSERT INTO view_timeline (thread_id, position, message_id, author, posted_at, body)
    SELECT p.* FROM moved, unnest($3::uuid[], $4::bigint[], $5::uuid[], $6::uuid[], $7::timestamptz[], $8::text[]) AS p
)
SELECT position FROM moved
