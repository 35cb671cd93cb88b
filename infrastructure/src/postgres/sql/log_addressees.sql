-- The users whom the events at these positions ($1) name, and what becomes of their membership. Whose membership changes is found by the
-- thread: it has a history that is looked through as for its members at a position.
SELECT u.position, u.user_id, u.change
FROM event_users u
WHERE u.position = ANY ($1) AND u.change IS NULL
UNION ALL
SELECT u.position, u.user_id, u.change
FROM events e
JOIN event_users u ON u.thread_id = e.thread_id AND u.position = e.position AND u.change IS NOT NULL
WHERE e.position = ANY ($1)
ORDER BY position, user_id
