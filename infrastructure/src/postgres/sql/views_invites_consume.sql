-- The invitations of persons who have joined, were banned, or were invited anew.
DELETE FROM view_invites i USING unnest($1::uuid[], $2::uuid[]) AS c (thread_id, user_id)
WHERE i.thread_id = c.thread_id AND i.user_id = c.user_id
