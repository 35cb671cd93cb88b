-- The event at $4, of version $5, cannot be taken by the view that is consumer $1, because of $6: its stream $2, $3 is parked. Beside the live
-- view, this writes beside the live dead letters.
INSERT INTO dead_letters (consumer, category, stream_id, position, version, tries, reason, died_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, clock_timestamp())
