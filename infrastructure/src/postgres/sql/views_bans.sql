-- A page of a thread's bans, the latest first.
SELECT b.user_id, b.by_user, b.since, b.since_at, p.username, p.display_name, p.registered
FROM (SELECT user_id, by_user, since, since_at FROM view_bans WHERE thread_id = $1 AND since < $2 ORDER BY since DESC LIMIT $3) b
LEFT JOIN view_profiles p USING (user_id)
ORDER BY b.since DESC
