-- Puts the positions $4 into the inboxes of the endpoints $3, if everything up to $1 and nothing more was taken in; that is up to $2 then.
WITH moved AS (
    UPDATE webhook_intake SET taken = $2 WHERE taken = $1 RETURNING taken
),
kept AS (
    INSERT INTO webhook_inbox (endpoint, position)
    SELECT owed.endpoint, owed.position FROM moved, unnest($3::text[], $4::bigint[]) AS owed (endpoint, position)
    ON CONFLICT DO NOTHING
)
SELECT taken FROM moved
