-- A page of a user's invitations that are open at a time ($4), the latest first.
SELECT
    i.invite_id, i.thread_id, i.expires_at, i.created, i.created_at, t.kind, t.title, t.description, t.avatar, t.members,
    i.by_user AS user_id, p.username, p.display_name, p.registered
FROM (
    SELECT invite_id, thread_id, by_user, expires_at, created, created_at FROM view_invites
    WHERE user_id = $1 AND created < $2 AND expires_at > $4
    ORDER BY created DESC LIMIT $3
) i
JOIN view_threads t USING (thread_id)
LEFT JOIN view_profiles p ON p.user_id = i.by_user
ORDER BY i.created DESC
