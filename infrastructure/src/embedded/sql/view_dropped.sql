SELECT position FROM view_dropped WHERE view = ?1 ORDER BY position
