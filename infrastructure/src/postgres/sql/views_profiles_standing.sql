UPDATE view_profiles v
SET suspended = coalesce(r.suspended, v.suspended), admin = coalesce(r.admin, v.admin), auditor = coalesce(r.auditor, v.auditor),
    deletion_at = CASE WHEN r.leaving IS NULL THEN v.deletion_at ELSE r.deletion_at END
FROM unnest($1::uuid[], $2::boolean[], $3::boolean[], $4::boolean[], $5::boolean[], $6::timestamptz[])
    AS r (user_id, suspended, admin, auditor, leaving, deletion_at)
WHERE v.user_id = r.user_id
