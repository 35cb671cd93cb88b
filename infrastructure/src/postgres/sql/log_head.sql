-- The one row. By the index, because versions that are dead may lie around it.
SELECT position, hash FROM log_head ORDER BY position DESC LIMIT 1
