-- A page of the requests a user has sent, newest first.
SELECT f.friendship_id, f.user_id, p.username, p.display_name, f.since, f.since_at
FROM (
    SELECT friendship_id, addressee AS user_id, since, since_at FROM view_friendships
    WHERE requester = $1 AND NOT accepted AND since < $2
    ORDER BY since DESC LIMIT $3
) f
LEFT JOIN view_profiles p USING (user_id)
ORDER BY f.since DESC
