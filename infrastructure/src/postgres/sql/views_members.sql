-- A page of a thread's members, in the order of joining.
SELECT m.user_id, m.role, m.joined, m.joined_at, p.username, p.display_name, p.registered
FROM (
    SELECT user_id, role, joined, joined_at FROM view_members
    WHERE thread_id = $1 AND left_position IS NULL AND (joined, user_id) > ($2, $3)
    ORDER BY joined, user_id LIMIT $4
) m
LEFT JOIN view_profiles p USING (user_id)
ORDER BY m.joined, m.user_id
