-- Whom the events name, as `append_events` keeps it: a thread only where membership of it changes.
INSERT INTO event_users (user_id, position, thread_id, change)
SELECT u.user_id, u.position, u.thread_id, u.change
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::smallint[]) AS u (user_id, position, thread_id, change)
