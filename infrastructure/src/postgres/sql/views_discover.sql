-- A page of the public channels, newest first.
SELECT thread_id, title, description, avatar, members, has_passcode, created FROM view_threads
WHERE public AND created < $1
ORDER BY created DESC LIMIT $2
