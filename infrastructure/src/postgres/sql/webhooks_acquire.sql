-- Gives the lease of endpoint $1 to $2 for $3 seconds, if it is free or theirs.
UPDATE webhook_endpoints SET
    epoch = CASE WHEN holder = $2 THEN epoch ELSE epoch + 1 END,
    holder = $2,
    expires_at = clock_timestamp() + make_interval(secs => $3)
WHERE name = $1 AND (holder IS NULL OR holder = $2 OR expires_at <= clock_timestamp())
RETURNING epoch
