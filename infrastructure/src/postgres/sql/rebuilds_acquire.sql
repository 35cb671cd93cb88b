-- Gives the lease of a view ($1) to $2 for $3 seconds, to do $4, if it is free. Whoever is in the middle of a transaction has it.
WITH free AS (
    SELECT view FROM rebuild.leases WHERE view = $1 AND (holder IS NULL OR expires_at <= clock_timestamp()) FOR UPDATE SKIP LOCKED
)
UPDATE rebuild.leases l SET
    epoch = l.epoch + 1, holder = $2, expires_at = clock_timestamp() + make_interval(secs => $3), purpose = $4, begun_at = clock_timestamp()
FROM free WHERE l.view = free.view
RETURNING l.epoch
