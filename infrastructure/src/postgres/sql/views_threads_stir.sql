-- What happens to threads all the time: messages, and members who come and go. One row for each thread, none for each member.
UPDATE view_threads t SET
    activity = coalesce(s.activity, t.activity),
    active_at = coalesce(s.active_at, t.active_at),
    members = t.members + s.more
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::int[]) AS s (thread_id, activity, active_at, more)
WHERE t.thread_id = s.thread_id
