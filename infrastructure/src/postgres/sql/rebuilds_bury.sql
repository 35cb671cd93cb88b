-- What is parked in a view ($1) and not in the one beside it is parked no more.
DELETE FROM public.dead_letters d
WHERE d.consumer = 'view:' || $1 AND NOT EXISTS (
    SELECT FROM rebuild.dead_letters r
    WHERE r.consumer = d.consumer AND r.category = d.category AND r.stream_id = d.stream_id AND r.position = d.position
)
