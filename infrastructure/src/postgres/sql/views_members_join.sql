-- Memberships that began in the batch; some have ended in it.
INSERT INTO view_members (thread_id, user_id, joined, joined_at, left_position, role)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[])
