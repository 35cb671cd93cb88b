-- The first move of each device of these users ($1) that reached a position ($2).
SELECT first.user_id, first.device_id, first.moved_at
FROM cursors c
CROSS JOIN LATERAL (
    SELECT m.* FROM cursor_moves m
    WHERE m.user_id = c.user_id AND m.device_id = c.device_id AND m.to_position >= $2
    ORDER BY m.to_position LIMIT 1
) first
WHERE c.user_id = ANY($1) AND c.opened_position < $2
ORDER BY first.moved_at, first.user_id, first.device_id
