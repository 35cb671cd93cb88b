-- What each of $1 may know of the comings and goings of whoever is at the same place in $2.
SELECT
    g.close, g.presence,
    g.presence AND (g.own OR g.last_seen = 'everyone' OR (g.last_seen = 'friends' AND g.close)) AS last_seen
FROM (
    SELECT
        k.n, k.own, k.close, k.last_seen,
        k.own OR (NOT k.blocked AND (k.presence = 'everyone' OR (k.presence = 'friends' AND k.close))) AS presence
    FROM (
        SELECT
            p.n, p.looker = p.other AS own,
            p.looker = p.other OR mine.state IS NOT DISTINCT FROM 'friend' AS close,
            mine.state IS NOT DISTINCT FROM 'blocked' OR theirs.state IS NOT DISTINCT FROM 'blocked' AS blocked,
            coalesce(v.presence, 'friends') AS presence, coalesce(v.last_seen, 'friends') AS last_seen
        FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS p (looker, other, n)
        LEFT JOIN view_profiles v ON v.user_id = p.other
        LEFT JOIN view_friends mine ON mine.user_id = p.looker AND mine.other_id = p.other
        LEFT JOIN view_friends theirs ON theirs.user_id = p.other AND theirs.other_id = p.looker
    ) k
) g
ORDER BY g.n
