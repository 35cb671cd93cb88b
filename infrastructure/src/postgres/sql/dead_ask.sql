-- Somebody asks for something of the dead letter of view $1 and the stream $2, $3; with $4, only if it is the event at that position. The row of
-- the checkpoint is what everybody who writes the view takes turns by.
UPDATE view_checkpoints SET revision = revision + 1
WHERE view = $1 AND EXISTS (
    SELECT FROM dead_letters
    WHERE consumer = 'view:' || $1 AND category = $2 AND stream_id = $3 AND ($4::bigint IS NULL OR position = $4)
)
RETURNING revision
