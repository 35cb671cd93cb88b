-- The memberships of a thread that have not ended, in the order of joining.
SELECT user_id, joined_position, left_position FROM view_members
WHERE thread_id = $1 AND left_position IS NULL
ORDER BY joined_position, user_id
