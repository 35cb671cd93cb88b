-- Takes note of what was sent, each mark with a row of history that begins where the device's cursor is or where it was marked before; one
-- that leads nowhere new is left out. Rows are locked in one order, the one of the moves.
WITH asked AS (
    SELECT user_id, device_id, to_position, sent_at, n
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY AS a (user_id, device_id, to_position, sent_at, n)
),
locked AS MATERIALIZED (
    SELECT c.user_id, c.device_id, greatest(c.position, c.sent_position) AS position
    FROM cursors c
    WHERE (c.user_id, c.device_id) IN (SELECT user_id, device_id FROM asked)
    ORDER BY c.user_id, c.device_id
    FOR UPDATE
),
reached AS (
    -- Where each mark starts: where the device was, or where an earlier mark of this batch has brought it.
    SELECT a.*, greatest(l.position, max(a.to_position) OVER (
        PARTITION BY a.user_id, a.device_id ORDER BY a.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )) AS from_position
    FROM asked a JOIN locked l USING (user_id, device_id)
),
history AS (
    INSERT INTO cursor_sends (user_id, device_id, from_position, to_position, sent_at)
    SELECT user_id, device_id, from_position, to_position, sent_at FROM reached WHERE to_position > from_position
)
UPDATE cursors c SET sent_position = furthest.position
FROM (SELECT user_id, device_id, max(to_position) AS position FROM reached WHERE to_position > from_position GROUP BY user_id, device_id) furthest
WHERE c.user_id = furthest.user_id AND c.device_id = furthest.device_id
