-- One message ($2), if the user ($1) sees it.
SELECT e.* FROM view_timeline t
CROSS JOIN LATERAL view_entry(t.thread_id, t.position, $1) e
WHERE t.message_id = $2 AND EXISTS (
    -- The offset has it looked up for this one message.
    SELECT FROM view_windows w WHERE w.user_id = $1 AND w.thread_id = t.thread_id AND t.position BETWEEN w.low AND w.high OFFSET 0
)
