DELETE FROM consumer_rejected WHERE name = ?1 AND position = ?2
