-- The row of the live checkpoint is what everybody who writes the view takes turns by.
SELECT v.position AS live, (SELECT c.position FROM rebuild.view_checkpoints c WHERE c.view = v.view) AS beside
FROM public.view_checkpoints v
WHERE v.view = $1
FOR UPDATE
