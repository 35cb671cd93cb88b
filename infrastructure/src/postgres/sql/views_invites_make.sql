INSERT INTO view_invites (invite_id, thread_id, by_user, user_id, expires_at, max_uses, uses, created, created_at)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::int[], $7::int[], $8::bigint[], $9::timestamptz[]
)
