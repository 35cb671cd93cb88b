-- Moves the checkpoint of holder $1 in epoch $2 to $3, and renews the lease for $4 seconds. If a crash of the server takes the last
-- checkpoints away, some runs are published again, which readers remove; so this does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE relay_lease SET
    checkpoint = greatest(checkpoint, $3),
    expires_at = clock_timestamp() + make_interval(secs => $4)
FROM relaxed
WHERE holder = $1 AND epoch = $2
