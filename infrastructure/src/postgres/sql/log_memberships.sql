-- The threads of a user ($1) and the head of the log, in one snapshot; a row with the head alone when there are none.
SELECT head.position AS as_of, windows.thread_id, windows.joined, windows.gone AS left
FROM (SELECT position FROM log_head ORDER BY position DESC LIMIT 1) head
LEFT JOIN (
    SELECT joined.thread_id, joined.position AS joined, (
        SELECT gone.position FROM event_users gone
        WHERE gone.user_id = $1 AND gone.thread_id = joined.thread_id AND gone.change = -1 AND gone.position > joined.position
        ORDER BY gone.position LIMIT 1
    ) AS gone
    FROM event_users joined
    WHERE joined.user_id = $1 AND joined.change = 1
) windows ON true
ORDER BY windows.joined
