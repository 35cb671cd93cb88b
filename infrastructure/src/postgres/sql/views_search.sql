-- A page of the messages that a user ($1) sees in the threads from $2 to $3 and that have the words, newest first.
WITH windows AS MATERIALIZED (SELECT thread_id, low, high FROM view_windows WHERE user_id = $1 AND thread_id BETWEEN $2 AND $3)
SELECT e.* FROM (
    SELECT t.thread_id, t.position FROM windows w
    CROSS JOIN LATERAL (
        SELECT thread_id, position FROM view_timeline
        WHERE thread_id::text = w.thread_id::text AND words @@ $4::text::tsquery AND position BETWEEN w.low AND w.high AND position < $5
        ORDER BY position DESC LIMIT $6
    ) t
    ORDER BY t.position DESC LIMIT $6
) p
CROSS JOIN LATERAL view_entry(p.thread_id, p.position, $1) e
ORDER BY p.position DESC
