-- Of what was sorted in.
SELECT position FROM thread_events WHERE thread_id = ?1 AND position > ?2 AND position <= ?3
ORDER BY position
LIMIT ?4
