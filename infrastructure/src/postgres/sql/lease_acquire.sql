-- Gives the lease to $1 for $2 seconds, if it is free or theirs.
UPDATE relay_lease SET
    epoch = CASE WHEN holder = $1 THEN epoch ELSE epoch + 1 END,
    holder = $1,
    expires_at = clock_timestamp() + make_interval(secs => $2)
WHERE holder IS NULL OR holder = $1 OR expires_at <= clock_timestamp()
RETURNING epoch, checkpoint
