-- Ends a batch: the lease of a view ($1) is the holder's ($2) in their epoch ($3) for $4 more seconds.
UPDATE rebuild.leases SET expires_at = clock_timestamp() + make_interval(secs => $4) WHERE view = $1 AND holder = $2 AND epoch = $3
