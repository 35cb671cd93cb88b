-- What users keep about threads; null is what the batch does not say.
INSERT INTO view_subscriptions AS s (user_id, thread_id, read_position, muted, archived)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::boolean[])
ON CONFLICT (user_id, thread_id) DO UPDATE SET
    read_position = greatest(excluded.read_position, s.read_position),
    muted = coalesce(excluded.muted, s.muted),
    archived = coalesce(excluded.archived, s.archived)
