-- Moves the checkpoint of holder $1 in epoch $2 to $3, notes when if it did move, and renews the lease for $4 seconds; gives a row if the
-- lease is theirs. If a crash of the server takes the last checkpoints away, some runs are published again, which readers remove; so this
-- does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
held AS (
    UPDATE relay_lease l SET
        checkpoint = greatest(l.checkpoint, $3),
        expires_at = clock_timestamp() + make_interval(secs => $4)
    FROM relaxed, relay_lease before
    WHERE l.holder = $1 AND l.epoch = $2
    RETURNING before.checkpoint AS moved_from
),
noted AS (
    INSERT INTO relay_confirmations (position, at) SELECT $3, clock_timestamp() FROM held WHERE $3 > moved_from
    ON CONFLICT DO NOTHING
)
SELECT moved_from FROM held
