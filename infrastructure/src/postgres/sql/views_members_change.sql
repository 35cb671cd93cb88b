-- Memberships that began before the batch: they ended in it, or the role is another one.
UPDATE view_members m SET left_position = c.left_position, role = coalesce(c.role, m.role)
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[]) AS c (thread_id, user_id, left_position, role)
WHERE m.thread_id = c.thread_id AND m.user_id = c.user_id AND m.left_position IS NULL
