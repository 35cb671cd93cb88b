-- The newest entries that a user ($1) sees of a thread below a position, newest first.
WITH windows AS MATERIALIZED (SELECT low, high FROM view_windows WHERE user_id = $1 AND thread_id = $2)
SELECT e.* FROM (
    SELECT t.position FROM windows w
    CROSS JOIN LATERAL (
        SELECT position FROM view_timeline
        WHERE thread_id = $2 AND position BETWEEN w.low AND w.high AND position < $3
        ORDER BY position DESC LIMIT $4
    ) t
    ORDER BY t.position DESC LIMIT $4
) p
CROSS JOIN LATERAL view_entry($2, p.position, $1) e
ORDER BY p.position DESC
