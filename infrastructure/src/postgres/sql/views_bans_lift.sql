DELETE FROM view_bans b USING unnest($1::uuid[], $2::uuid[]) AS l (thread_id, user_id)
WHERE b.thread_id = l.thread_id AND b.user_id = l.user_id
