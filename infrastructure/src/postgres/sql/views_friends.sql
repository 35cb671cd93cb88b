-- A page of those who are something to a user, the latest change first.
SELECT f.other_id AS user_id, f.since, f.since_at, p.username, p.display_name, p.registered
FROM (
    SELECT other_id, since, since_at FROM view_friends
    WHERE user_id = $1 AND state = $2 AND since < $3
    ORDER BY since DESC LIMIT $4
) f
LEFT JOIN view_profiles p ON p.user_id = f.other_id
ORDER BY f.since DESC
