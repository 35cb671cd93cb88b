-- The row of the live checkpoint is what everybody who writes the view takes turns by.
SELECT v.position AS live, c.position AS beside, v.revision <> c.revision AS outdated
FROM public.view_checkpoints v
JOIN rebuild.view_checkpoints c ON c.view = v.view
WHERE v.view = $1
FOR UPDATE OF v
