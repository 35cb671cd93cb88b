-- The position of the first entry that a user ($1) sees of a thread and that was recorded at a time or later. Times need not rise with positions,
-- so it walks along the positions.
WITH windows AS MATERIALIZED (SELECT low, high FROM view_windows WHERE user_id = $1 AND thread_id = $2)
SELECT t.position FROM windows w
CROSS JOIN LATERAL (
    SELECT position FROM view_timeline
    WHERE thread_id = $2 AND position BETWEEN w.low AND w.high AND at >= $3
    ORDER BY position LIMIT 1
) t
ORDER BY t.position LIMIT 1
