-- Takes a batch into the view if its checkpoint is still where the batch begins.
WITH moved AS (
    UPDATE view_checkpoints SET position = $2 WHERE view = 'members' AND position = $1 RETURNING position
),
joined AS (
    INSERT INTO view_members (thread_id, joined_position, user_id)
    SELECT j.* FROM moved, unnest($3::uuid[], $4::bigint[], $5::uuid[]) AS j
)
SELECT position FROM moved
