-- For each device of these users ($1), the mark that covers a position ($2).
SELECT first.user_id, first.device_id, first.sent_at
FROM cursors c
CROSS JOIN LATERAL (
    SELECT s.* FROM cursor_sends s
    WHERE s.user_id = c.user_id AND s.device_id = c.device_id AND s.to_position >= $2
    ORDER BY s.to_position LIMIT 1
) first
WHERE c.user_id = ANY($1) AND first.from_position < $2
ORDER BY first.sent_at, first.user_id, first.device_id
