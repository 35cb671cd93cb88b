-- What each of these users lets others know; nulls for whoever is not known.
SELECT v.presence, v.last_seen, v.read_receipts
FROM unnest($1::uuid[]) WITH ORDINALITY AS u (user_id, n)
LEFT JOIN view_profiles v ON v.user_id = u.user_id
ORDER BY u.n
