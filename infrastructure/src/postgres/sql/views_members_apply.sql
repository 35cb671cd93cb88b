-- Takes a batch into the view if its checkpoint is still where the batch begins.
-- Rows and checkpoint are lost together or not at all, and what is lost is taken in again: so this does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
moved AS (
    UPDATE view_checkpoints SET position = $2 FROM relaxed WHERE view = 'members' AND position = $1 RETURNING position
),
joined AS (
    INSERT INTO view_members (thread_id, joined_position, user_id)
    SELECT j.* FROM moved, unnest($3::uuid[], $4::bigint[], $5::uuid[]) AS j
)
SELECT position FROM moved
