-- By when the broker had confirmed the event at position $1.
SELECT at FROM relay_confirmations WHERE position >= $1 ORDER BY position LIMIT 1
