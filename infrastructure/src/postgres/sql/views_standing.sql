-- Where a view ($1) stands, and what is left out of it, as of one moment.
SELECT c.position, c.revision,
    ARRAY(SELECT category FROM dead_letters WHERE consumer = 'view:' || $1 ORDER BY category, stream_id) AS categories,
    ARRAY(SELECT stream_id FROM dead_letters WHERE consumer = 'view:' || $1 ORDER BY category, stream_id) AS streams,
    ARRAY(SELECT position FROM dead_letters WHERE consumer = 'view:' || $1 ORDER BY category, stream_id) AS firsts,
    ARRAY(SELECT position FROM view_dropped WHERE view = $1 ORDER BY position) AS dropped
FROM view_checkpoints c
WHERE c.view = $1
