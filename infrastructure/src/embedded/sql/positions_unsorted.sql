-- What was not sorted in by thread yet: a few thousand events, of all threads.
SELECT position, thread_id FROM events
WHERE position > max(?1, (SELECT upto FROM thread_events_sorted WHERE one = 1)) AND position <= ?2 AND thread_id IS NOT NULL
ORDER BY position
