-- Moves cursors forward, each move with a row of history; one that leads nowhere new is left out. Rows are locked in one order, so
-- that two batches cannot wait for one another. Gives the newest connection of each device.
WITH asked AS (
    SELECT user_id, device_id, to_position, moved_at, n
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY AS a (user_id, device_id, to_position, moved_at, n)
),
locked AS MATERIALIZED (
    SELECT c.user_id, c.device_id, c.position, c.generation
    FROM cursors c
    WHERE (c.user_id, c.device_id) IN (SELECT user_id, device_id FROM asked)
    ORDER BY c.user_id, c.device_id
    FOR UPDATE
),
reached AS (
    -- Where each move starts: where the cursor was, or where an earlier move of this batch has brought it.
    SELECT a.*, greatest(l.position, max(a.to_position) OVER (
        PARTITION BY a.user_id, a.device_id ORDER BY a.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )) AS from_position
    FROM asked a JOIN locked l USING (user_id, device_id)
),
history AS (
    INSERT INTO cursor_moves (user_id, device_id, from_position, to_position, moved_at)
    SELECT user_id, device_id, from_position, to_position, moved_at FROM reached WHERE to_position > from_position
),
moved AS (
    UPDATE cursors c SET position = furthest.position
    FROM (
        SELECT user_id, device_id, max(to_position) AS position FROM reached WHERE to_position > from_position GROUP BY user_id, device_id
    ) furthest
    WHERE c.user_id = furthest.user_id AND c.device_id = furthest.device_id
)
SELECT user_id, device_id, generation FROM locked
