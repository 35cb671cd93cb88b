-- The deletions that are due at a time ($1), beyond another one ($2, $3), first things first; up to $4.
SELECT user_id, deletion_at FROM view_profiles
WHERE deletion_at <= $1 AND (deletion_at, user_id) > ($2::timestamptz, $3::uuid)
ORDER BY deletion_at, user_id LIMIT $4
