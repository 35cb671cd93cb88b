-- Where the view beside a live one ($1) stands, and what is parked in it; nothing when it is of no use: begun by another program than $2,
-- before somebody changed what is left out, or for another purpose while something is. The lease is ours.
SELECT c.position, c.revision,
    ARRAY(SELECT category FROM rebuild.dead_letters WHERE consumer = 'view:' || $1 ORDER BY category, stream_id) AS categories,
    ARRAY(SELECT stream_id FROM rebuild.dead_letters WHERE consumer = 'view:' || $1 ORDER BY category, stream_id) AS streams,
    ARRAY(SELECT position FROM rebuild.dead_letters WHERE consumer = 'view:' || $1 ORDER BY category, stream_id) AS firsts,
    ARRAY(SELECT position FROM public.view_dropped WHERE view = $1 ORDER BY position) AS dropped
FROM rebuild.view_checkpoints c
JOIN rebuild.leases l ON l.view = c.view
JOIN public.view_checkpoints v ON v.view = c.view
WHERE c.view = $1 AND c.program = $2 AND c.revision = v.revision AND (
    c.purpose IS NOT DISTINCT FROM l.purpose
    OR NOT EXISTS (SELECT FROM rebuild.dead_letters WHERE consumer = 'view:' || $1)
    AND NOT EXISTS (SELECT FROM public.dead_letters WHERE consumer = 'view:' || $1)
)
