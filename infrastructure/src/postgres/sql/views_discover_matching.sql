-- A page of the public channels whose title is like $3, newest first.
SELECT thread_id, title, description, avatar, members, has_passcode, created FROM view_threads
WHERE public AND created < $1 AND title_folded LIKE $3
ORDER BY created DESC LIMIT $2
