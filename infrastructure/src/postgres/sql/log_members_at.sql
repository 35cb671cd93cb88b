-- Who was in a thread ($1) at a position ($2), whoever came or went with it included: those above a user ($3) in the order of users, at most
-- so many ($4).
SELECT latest.user_id
FROM (
    SELECT DISTINCT ON (user_id) user_id, position, change
    FROM event_users
    WHERE thread_id = $1 AND change IS NOT NULL AND position <= $2 AND user_id > $3
    ORDER BY user_id, position DESC
) latest
WHERE latest.change = 1 OR latest.position = $2
ORDER BY latest.user_id
LIMIT $4
