-- The settings of threads.
UPDATE view_threads t SET
    public = s.public,
    history_all = s.history_all,
    revision = s.revision,
    has_passcode = s.has_passcode,
    title = s.title,
    description = s.description,
    avatar = s.avatar,
    title_folded = s.title_folded
FROM unnest(
    $1::uuid[], $2::boolean[], $3::boolean[], $4::int[], $5::boolean[], $6::text[], $7::text[], $8::uuid[], $9::text[]
) AS s (thread_id, public, history_all, revision, has_passcode, title, description, avatar, title_folded)
WHERE t.thread_id = s.thread_id
