UPDATE view_profiles v SET presence = r.presence, last_seen = r.last_seen, read_receipts = r.read_receipts
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[]) AS r (user_id, presence, last_seen, read_receipts)
WHERE v.user_id = r.user_id
