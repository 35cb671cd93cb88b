INSERT INTO view_bans (thread_id, user_id, by_user, since, since_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[])
ON CONFLICT (thread_id, user_id) DO UPDATE SET by_user = excluded.by_user, since = excluded.since, since_at = excluded.since_at
