-- A page of a user's threads ($1), newest activity first; of the threads from $2 to $3, so that it can be asked for one alone.
SELECT
    l.thread_id, l.kind, l.role, l.members, l.peer AS user_id, l.username, l.display_name, l.registered, l.title, l.description, l.avatar,
    l.public, l.history_all, l.revision, l.has_passcode, l.muted, l.archived, l.read_position, unread.messages AS unread, l.activity, l.active_at,
    last.position AS last_position, last.message_id AS last_message, last.by_user AS last_author, last.body AS last_text,
    last.deleted AS last_deleted
FROM (
    SELECT
        t.thread_id, t.kind, m.role, t.members, o.peer, p.username, p.display_name, p.registered, t.title, t.description, t.avatar, t.public,
        t.history_all, t.revision, t.has_passcode, coalesce(s.muted, false) AS muted, coalesce(s.archived, false) AS archived,
        coalesce(s.read_position, 0) AS read_position, m.joined, greatest(t.activity, m.joined) AS activity,
        CASE WHEN m.joined > t.activity THEN m.joined_at ELSE t.active_at END AS active_at
    FROM view_members m
    JOIN view_threads t ON t.thread_id = m.thread_id
    -- With the offset it is looked up by its whole key for each thread.
    LEFT JOIN LATERAL (
        SELECT k.read_position, k.muted, k.archived FROM view_subscriptions k WHERE k.user_id = $1 AND k.thread_id = m.thread_id OFFSET 0
    ) s ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN t.low_user = m.user_id THEN t.high_user ELSE t.low_user END AS peer) o
    LEFT JOIN view_profiles p ON p.user_id = o.peer
    WHERE m.user_id = $1 AND m.thread_id BETWEEN $2 AND $3 AND m.left_position IS NULL
        AND greatest(t.activity, m.joined) < $4
        AND ($6::boolean IS NULL OR coalesce(s.archived, false) = $6)
        AND ($7::text IS NULL OR t.title_folded LIKE $7 OR p.username_folded LIKE $7 OR p.display_name_folded LIKE $7)
    ORDER BY greatest(t.activity, m.joined) DESC LIMIT $5
) l
CROSS JOIN (SELECT position FROM view_checkpoints WHERE view = 'threads') known
LEFT JOIN LATERAL (
    SELECT e.position, e.message_id, e.by_user, e.body, e.deleted FROM view_timeline e
    WHERE e.thread_id = l.thread_id AND e.message_id IS NOT NULL AND e.position <= known.position
    ORDER BY e.position DESC LIMIT 1
) last ON EXISTS (
    SELECT FROM view_windows w WHERE w.user_id = $1 AND w.thread_id = l.thread_id AND last.position BETWEEN w.low AND w.high OFFSET 0
)
CROSS JOIN LATERAL (
    SELECT count(*) AS messages FROM (
        SELECT FROM view_timeline e
        WHERE e.thread_id = l.thread_id AND e.message_id IS NOT NULL AND NOT e.deleted AND e.by_user <> $1
            AND e.position > greatest(l.read_position, l.joined) AND e.position <= known.position
        LIMIT $8
    ) counted
) unread
ORDER BY l.activity DESC
