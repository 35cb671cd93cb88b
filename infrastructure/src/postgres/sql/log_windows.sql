-- From when to when a user ($1) was in a thread ($2), in the order of joining.
SELECT joined.position AS joined, (
    SELECT gone.position FROM event_users gone
    WHERE gone.user_id = $1 AND gone.thread_id = $2 AND gone.change = -1 AND gone.position > joined.position
    ORDER BY gone.position LIMIT 1
) AS left
FROM event_users joined
WHERE joined.user_id = $1 AND joined.thread_id = $2 AND joined.change = 1
ORDER BY joined.position
