SELECT position, rejected FROM consumer_rejected WHERE name = ?1 ORDER BY position
