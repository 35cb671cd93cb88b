INSERT INTO view_friends (user_id, other_id, state, since, since_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[])
ON CONFLICT (user_id, other_id) DO UPDATE SET state = excluded.state, since = excluded.since, since_at = excluded.since_at
