-- The live view is where the one beside it is ($2), and what is left out of it may have changed. This is waited for until it is on disk.
WITH durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
UPDATE public.view_checkpoints SET position = $2, revision = revision + 1 FROM durable WHERE view = $1
