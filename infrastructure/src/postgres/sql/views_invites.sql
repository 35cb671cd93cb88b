-- A page of the invitations into a thread that are open at a time ($4), the latest first.
SELECT
    i.invite_id, i.by_user, i.user_id, i.expires_at, i.max_uses, i.uses, i.created, i.created_at, p.username, p.display_name, p.registered
FROM (
    SELECT invite_id, by_user, user_id, expires_at, max_uses, uses, created, created_at FROM view_invites
    WHERE thread_id = $1 AND created < $2 AND expires_at > $4 AND (max_uses IS NULL OR uses < max_uses)
    ORDER BY created DESC LIMIT $3
) i
LEFT JOIN view_profiles p USING (user_id)
ORDER BY i.created DESC
