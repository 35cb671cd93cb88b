INSERT INTO thread_events
SELECT thread_id, position FROM events
WHERE position > (SELECT upto FROM thread_events_sorted WHERE one = 1) AND position <= ?1 AND thread_id IS NOT NULL
ORDER BY thread_id, position
