-- What is quoted is found by its message, whatever the statistics say: on views that nobody has analysed yet all messages of the thread were
-- looked through for each reply.
-- Takes the programs before it.
CREATE OR REPLACE FUNCTION view_entry(of_thread uuid, at_position bigint, looker uuid) RETURNS TABLE (
    "position" bigint, thread_id uuid, at timestamptz, by_user uuid, users uuid[],
    message_id uuid, body text, attachments text, deleted boolean, revision int, edited_at timestamptz,
    forwarded_message uuid, forwarded_author uuid, pinned boolean,
    reply_to uuid, quote_author uuid, quote_text text, quote_deleted boolean,
    emojis text[], counts int[], mine boolean[],
    notice text, notice_count int, notice_role text, notice_title text
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT
        t.position, t.thread_id, t.at, t.by_user, t.users,
        t.message_id, t.body, t.attachments, t.deleted, t.revision, t.edited_at,
        t.forwarded_message, t.forwarded_author,
        EXISTS (SELECT FROM view_pins p WHERE p.thread_id = t.thread_id AND p.message_id = t.message_id),
        t.reply_to, q.by_user, left(q.body, 200), q.deleted,
        r.emojis, r.counts, r.mine,
        t.notice, t.notice_count, t.notice_role, t.notice_title
    FROM view_timeline t
    -- With the first offset it is the message that is looked up, and then seen to be of this thread; with the second the windows are looked up
    -- for each quote, and not for everybody first.
    LEFT JOIN LATERAL (
        SELECT a.by_user, a.body, a.deleted
        FROM (SELECT m.thread_id, m.position, m.by_user, m.body, m.deleted FROM view_timeline m WHERE m.message_id = t.reply_to OFFSET 0) a
        WHERE a.thread_id = t.thread_id AND EXISTS (
            SELECT FROM view_windows w WHERE w.user_id = looker AND w.thread_id = a.thread_id AND a.position BETWEEN w.low AND w.high OFFSET 0
        )
    ) q ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(g.emoji ORDER BY g.first) AS emojis, array_agg(g.n ORDER BY g.first) AS counts, array_agg(g.mine ORDER BY g.first) AS mine
        FROM (
            SELECT x.emoji, count(*)::int AS n, min(x.position) AS first, bool_or(x.user_id = looker) AS mine
            FROM view_reactions x WHERE x.message_id = t.message_id GROUP BY x.emoji
        ) g
    ) r ON true
    WHERE t.thread_id = of_thread AND t.position = at_position
$$;
