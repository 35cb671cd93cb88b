-- A page of a user's threads, newest activity first.
SELECT l.thread_id, l.activity, t.low_user, t.high_user, t.active_at, t.message_position, t.message_author, t.message_text
FROM (
    SELECT thread_id, activity FROM view_thread_lists WHERE user_id = $1 AND activity < $2 ORDER BY activity DESC LIMIT $3
) l
JOIN view_threads t USING (thread_id)
ORDER BY l.activity DESC
