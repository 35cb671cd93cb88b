INSERT INTO view_pins (thread_id, message_id, pinned)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
ON CONFLICT (thread_id, message_id) DO UPDATE SET pinned = excluded.pinned
