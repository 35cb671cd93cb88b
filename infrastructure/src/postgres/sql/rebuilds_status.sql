-- A view ($1), what is built beside it and by which version of the program, and who builds it if anybody does.
SELECT
    v.position AS live, c.position AS beside, clock_timestamp() < l.expires_at AS held, l.holder, l.purpose, l.begun_at, l.expires_at
FROM public.view_checkpoints v
JOIN rebuild.leases l ON l.view = v.view
LEFT JOIN rebuild.view_checkpoints c ON c.view = v.view
WHERE v.view = $1
