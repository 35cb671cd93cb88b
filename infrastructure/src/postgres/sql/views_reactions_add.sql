INSERT INTO view_reactions (message_id, emoji, user_id, position, at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[])
ON CONFLICT (message_id, emoji, user_id) DO NOTHING
