-- A page of the pinned messages of a thread that a user ($1) sees, the latest pin first.
WITH windows AS MATERIALIZED (SELECT low, high FROM view_windows WHERE user_id = $1 AND thread_id = $2)
SELECT p.pinned AS pinned_at, e.* FROM (
    SELECT p.pinned, t.position FROM view_pins p
    JOIN view_timeline t ON t.message_id = p.message_id
    JOIN windows w ON t.position BETWEEN w.low AND w.high
    WHERE p.thread_id = $2 AND p.pinned < $3
    ORDER BY p.pinned DESC LIMIT $4
) p
CROSS JOIN LATERAL view_entry($2, p.position, $1) e
ORDER BY p.pinned DESC
