-- Who is told in passing of what these users do in these threads: for those who are in them and where no more than $3 are,
-- which of them are in a block with the user, and whether what
-- the user has read may be known.
SELECT a.number, CASE WHEN t.members <= $3 THEN ARRAY(
    SELECT b.user_id
    FROM (
        SELECT f.other_id AS user_id FROM view_friends f WHERE f.user_id = a.user_id AND f.state = 'blocked'
        UNION
        SELECT f.user_id FROM view_friends f WHERE f.other_id = a.user_id AND f.state = 'blocked'
    ) b
    WHERE EXISTS (SELECT FROM view_members m WHERE m.user_id = b.user_id AND m.thread_id = a.thread_id AND m.left_position IS NULL)
    ORDER BY b.user_id
) END AS blocked, coalesce(p.read_receipts, true) AS reading
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS a (thread_id, user_id, number)
JOIN view_threads t ON t.thread_id = a.thread_id
LEFT JOIN view_profiles p ON p.user_id = a.user_id
WHERE EXISTS (SELECT FROM view_members m WHERE m.user_id = a.user_id AND m.thread_id = a.thread_id AND m.left_position IS NULL)
