-- Moves the checkpoint of a view ($1) if it is still where the batch begins ($2) and nobody changed what is left out ($4), to where it ends
-- ($3); gives a row if it did. Rows and checkpoint are lost together or not at all, and what is lost is taken in again: so this transaction
-- does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE view_checkpoints SET position = $3 FROM relaxed WHERE view = $1 AND position = $2 AND revision = $4 RETURNING position
