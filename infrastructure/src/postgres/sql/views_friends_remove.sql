DELETE FROM view_friends f USING unnest($1::uuid[], $2::uuid[]) AS r (user_id, other_id)
WHERE f.user_id = r.user_id AND f.other_id = r.other_id
