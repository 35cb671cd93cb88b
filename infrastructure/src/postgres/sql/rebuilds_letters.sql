-- What is parked in the one beside a view ($1) is parked in the view; what was before was tried once more.
INSERT INTO public.dead_letters AS d (consumer, category, stream_id, position, version, tries, reason, died_at)
SELECT consumer, category, stream_id, position, version, tries, reason, died_at FROM rebuild.dead_letters WHERE consumer = 'view:' || $1
ON CONFLICT (consumer, category, stream_id) DO UPDATE SET tries = d.tries + 1, reason = excluded.reason, asked_at = NULL
