-- Moves the checkpoint of what is beside a view ($1) from $4 to $5, for holder $2 in epoch $3; gives a row if it did. From here to the end of
-- the transaction, tables are those beside the views, and no others: the statements that follow are those of the live views.
WITH beside AS MATERIALIZED (SELECT set_config('search_path', 'rebuild', true), set_config('synchronous_commit', 'off', true)),
lease AS (
    UPDATE rebuild.leases SET expires_at = greatest(expires_at, clock_timestamp()) FROM beside
    WHERE view = $1 AND holder = $2 AND epoch = $3
    RETURNING view
)
UPDATE rebuild.view_checkpoints c SET position = $5 FROM lease WHERE c.view = $1 AND c.position = $4 RETURNING c.position
