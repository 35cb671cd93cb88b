-- The membership of one user that has not ended.
SELECT user_id, joined_position, left_position FROM view_members
WHERE thread_id = $1 AND user_id = $2 AND left_position IS NULL
