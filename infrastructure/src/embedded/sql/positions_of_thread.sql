SELECT position FROM thread_events WHERE thread_id = ?1 AND position > ?2 AND position <= ?3
UNION ALL
-- At most 2,047 rows.
SELECT position FROM thread_events_recent WHERE position > ?2 AND position <= ?3 AND thread_id = ?1
ORDER BY position
LIMIT ?4
