UPDATE view_profiles v
SET suspended = coalesce(r.suspended, v.suspended), admin = coalesce(r.admin, v.admin), auditor = coalesce(r.auditor, v.auditor)
FROM unnest($1::uuid[], $2::boolean[], $3::boolean[], $4::boolean[]) AS r (user_id, suspended, admin, auditor)
WHERE v.user_id = r.user_id
