-- Threads that began, as they are at the end of the batch.
INSERT INTO view_threads (
    thread_id, kind, low_user, high_user, public, history_all, revision, has_passcode, title, description, avatar, title_folded,
    members, created, activity, active_at
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::boolean[], $6::boolean[], $7::int[], $8::boolean[], $9::text[], $10::text[], $11::uuid[],
    $12::text[], $13::int[], $14::bigint[], $15::bigint[], $16::timestamptz[]
)
