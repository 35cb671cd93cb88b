-- A page of the users with a name like $2, without the one who asks ($1), the suspended, those who are leaving, and whoever of the two has blocked the other; newest
-- first.
SELECT p.user_id, p.username, p.display_name, p.registered FROM view_profiles p
WHERE (p.username_folded LIKE $2 OR p.display_name_folded LIKE $2) AND p.registered < $3 AND p.user_id <> $1 AND NOT p.suspended AND p.deletion_at IS NULL
    AND NOT EXISTS (SELECT FROM view_friends f WHERE f.user_id = $1 AND f.other_id = p.user_id AND f.state = 'blocked')
    AND NOT EXISTS (SELECT FROM view_friends f WHERE f.user_id = p.user_id AND f.other_id = $1 AND f.state = 'blocked')
ORDER BY p.registered DESC LIMIT $4
