-- Makes the endpoints $1 known; those that are new are owed what comes after $2, and after what was taken in already. One that another
-- node makes known at the same moment is missing, once.
WITH begun AS (
    INSERT INTO webhook_intake (taken) VALUES ($2) ON CONFLICT DO NOTHING
),
made AS (
    INSERT INTO webhook_endpoints (name, since)
    SELECT name, greatest($2, (SELECT taken FROM webhook_intake)) FROM unnest($1::text[]) name
    ON CONFLICT DO NOTHING
    RETURNING name, since
)
SELECT name, since FROM made
UNION ALL
SELECT name, since FROM webhook_endpoints WHERE name = ANY($1)
