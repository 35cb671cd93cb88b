-- Locked, so that of all that are asked for at once each sees what those before it have left.
WITH theirs AS (
    SELECT identity_id FROM identities WHERE user_id = $1 ORDER BY identity_id FOR UPDATE
)
DELETE FROM identities WHERE user_id = $1 AND identity_id = $2 AND (SELECT count(*) FROM theirs) > $3
