-- Takes a batch into the view if its checkpoint is still where the batch begins: how each pair stands at its end, and the profiles.
-- Rows and checkpoint are lost together or not at all, and what is lost is taken in again: so this does not wait for the disk.
WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
moved AS (
    UPDATE view_checkpoints SET position = $2 FROM relaxed WHERE view = 'friends' AND position = $1 RETURNING position
),
friendships AS (
    INSERT INTO view_friendships (friendship_id, requester, addressee, accepted, since, since_at)
    SELECT f.* FROM moved, unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::boolean[], $7::bigint[], $8::timestamptz[]) AS f
    ON CONFLICT (friendship_id) DO UPDATE SET
        requester = excluded.requester,
        addressee = excluded.addressee,
        accepted = excluded.accepted,
        since = excluded.since,
        since_at = excluded.since_at
),
profiles AS (
    INSERT INTO view_profiles (user_id, username, display_name)
    SELECT p.* FROM moved, unnest($9::uuid[], $10::text[], $11::text[]) AS p
    ON CONFLICT (user_id) DO UPDATE SET username = excluded.username, display_name = excluded.display_name
)
SELECT position FROM moved
