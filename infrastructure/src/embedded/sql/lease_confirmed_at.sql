SELECT at FROM relay_confirmations WHERE position >= ?1 ORDER BY position LIMIT 1
