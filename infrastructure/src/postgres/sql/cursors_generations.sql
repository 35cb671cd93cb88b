-- The newest connection of each of these devices ($1 and $2, side by side).
SELECT user_id, device_id, generation
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, device_id)
JOIN cursors USING (user_id, device_id)
