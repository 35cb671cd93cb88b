-- Threads that were deleted, with everything that hangs on them.
WITH gone AS (SELECT unnest($1::uuid[]) AS thread_id),
members AS (DELETE FROM view_members USING gone WHERE view_members.thread_id = gone.thread_id),
bans AS (DELETE FROM view_bans USING gone WHERE view_bans.thread_id = gone.thread_id),
invites AS (DELETE FROM view_invites USING gone WHERE view_invites.thread_id = gone.thread_id)
DELETE FROM view_threads USING gone WHERE view_threads.thread_id = gone.thread_id
