UPDATE dead_letters SET asked_at = clock_timestamp() WHERE consumer = 'view:' || $1 AND category = $2 AND stream_id = $3
