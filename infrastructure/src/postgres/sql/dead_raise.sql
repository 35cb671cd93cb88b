-- The stream $2, $3 is parked no more for consumer $1; with $4, only if it is with the event at that position.
DELETE FROM dead_letters WHERE consumer = $1 AND category = $2 AND stream_id = $3 AND ($4::bigint IS NULL OR position = $4) RETURNING position
