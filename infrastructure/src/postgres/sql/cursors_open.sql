-- Where a device is; one not seen before starts at $3. A known one costs no write. No row when another transaction has opened it just
-- now: it is there for the next statement.
WITH opened AS (
    INSERT INTO cursors (user_id, device_id, position, opened_position, opened_at) VALUES ($1, $2, $3, $3, $4)
    ON CONFLICT (user_id, device_id) DO NOTHING
    RETURNING position
)
SELECT position FROM opened
UNION ALL
SELECT position FROM cursors WHERE user_id = $1 AND device_id = $2
