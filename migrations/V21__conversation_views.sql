-- The views of the whole conversation domain. What V20 made is built anew from the log.

-- Both come with PostgreSQL and are trusted: the database's owner may create them.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

DROP FUNCTION reset_view;
DROP TABLE view_thread_lists, view_threads, view_timeline, view_members, view_friendships, view_profiles;
DELETE FROM view_checkpoints;
INSERT INTO view_checkpoints (view, position) VALUES ('threads', 0), ('timeline', 0), ('people', 0);

-- Threads.

-- Deleted ones have no row here, nor anything that hangs on them but what users keep for themselves.
CREATE TABLE view_threads (
    thread_id uuid PRIMARY KEY,
    kind text NOT NULL,
    -- The two of a direct thread.
    low_user uuid,
    high_user uuid,
    public boolean NOT NULL,
    history_all boolean NOT NULL,
    revision int NOT NULL,
    has_passcode boolean NOT NULL,
    -- How it looks; without a title when it is a direct thread or was erased.
    title text,
    description text,
    avatar uuid,
    title_folded text,
    members int NOT NULL,
    created bigint NOT NULL,
    -- Of the last message, or of the beginning. In no index: every message writes it, within its page if there is room.
    activity bigint NOT NULL,
    active_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX view_threads_public ON view_threads (created DESC) WHERE public;
CREATE INDEX view_threads_title ON view_threads USING gin (title_folded gin_trgm_ops) WHERE public;

-- Memberships, also those that have ended: the windows through which a user sees a thread.
CREATE TABLE view_members (
    thread_id uuid NOT NULL,
    user_id uuid NOT NULL,
    joined bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    left_position bigint,
    role text NOT NULL,
    PRIMARY KEY (thread_id, user_id, joined)
);
CREATE INDEX view_members_current ON view_members (thread_id, joined, user_id) WHERE left_position IS NULL;
CREATE INDEX view_members_threads ON view_members (user_id, thread_id) WHERE left_position IS NULL;

CREATE TABLE view_bans (
    thread_id uuid NOT NULL,
    user_id uuid NOT NULL,
    by_user uuid NOT NULL,
    since bigint NOT NULL,
    since_at timestamptz NOT NULL,
    PRIMARY KEY (thread_id, user_id)
);
CREATE INDEX view_bans_since ON view_bans (thread_id, since DESC);

-- Those that were not revoked, declined or accepted; they may have expired, and a link may be used up.
CREATE TABLE view_invites (
    invite_id uuid PRIMARY KEY,
    thread_id uuid NOT NULL,
    by_user uuid NOT NULL,
    -- Null for a link.
    user_id uuid,
    expires_at timestamptz NOT NULL,
    max_uses int,
    uses int NOT NULL,
    created bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX view_invites_thread ON view_invites (thread_id, created DESC);
CREATE INDEX view_invites_user ON view_invites (user_id, created DESC) WHERE user_id IS NOT NULL;

-- What each user keeps about a thread; null is what was never set.
CREATE TABLE view_subscriptions (
    user_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    read_position bigint,
    muted boolean,
    archived boolean,
    PRIMARY KEY (user_id, thread_id)
) WITH (fillfactor = 70);

-- Timeline.

-- Messages, and the server's notices: those have no message_id.
CREATE TABLE view_timeline (
    thread_id uuid NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    -- Who wrote the message, or did what the notice is about.
    by_user uuid NOT NULL,
    -- Who is mentioned, or whom the notice is about.
    users uuid[] NOT NULL,

    message_id uuid,
    body text,
    attachments text,
    deleted boolean NOT NULL,
    revision int NOT NULL,
    edited_at timestamptz,
    reply_to uuid,
    forwarded_message uuid,
    forwarded_author uuid,
    words tsvector,

    notice text,
    notice_count int,
    notice_role text,
    notice_title text,
    PRIMARY KEY (thread_id, position)
);
CREATE UNIQUE INDEX view_timeline_message ON view_timeline (message_id) WHERE message_id IS NOT NULL;
-- Finds a thread's last message and counts the unread ones, past any number of notices.
CREATE INDEX view_timeline_messages ON view_timeline (thread_id, position) INCLUDE (by_user, deleted) WHERE message_id IS NOT NULL;
-- The thread as text, and searched so: the planner does not know which threads are large, and would rather read all of one by its primary key.
CREATE INDEX view_timeline_words ON view_timeline USING gin ((thread_id::text), words);

CREATE TABLE view_pins (
    thread_id uuid NOT NULL,
    message_id uuid NOT NULL,
    pinned bigint NOT NULL,
    PRIMARY KEY (thread_id, message_id)
);
CREATE INDEX view_pins_pinned ON view_pins (thread_id, pinned DESC);

CREATE TABLE view_reactions (
    message_id uuid NOT NULL,
    emoji text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (message_id, emoji, user_id)
);
CREATE INDEX view_reactions_position ON view_reactions (message_id, position DESC);

-- People.

-- Who was erased has no names.
CREATE TABLE view_profiles (
    user_id uuid PRIMARY KEY,
    registered bigint NOT NULL,
    username text,
    display_name text,
    username_folded text,
    display_name_folded text
);
CREATE INDEX view_profiles_registered ON view_profiles (registered DESC);
CREATE INDEX view_profiles_names ON view_profiles USING gin (username_folded gin_trgm_ops, display_name_folded gin_trgm_ops);

-- What the other is to the user: a row for each side of a pair that is something to the other.
CREATE TABLE view_friends (
    user_id uuid NOT NULL,
    other_id uuid NOT NULL,
    state text COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    since_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, other_id)
);
CREATE INDEX view_friends_since ON view_friends (user_id, state, since DESC);
-- Who has blocked somebody: few, so the directory can leave them out without looking at everybody's friends.
CREATE INDEX view_friends_blocked_by ON view_friends (other_id, user_id) WHERE state = 'blocked';

-- What a user may see of the threads they are in, from and to these positions, both included. Nothing beyond what is known of memberships.
CREATE VIEW view_windows AS
SELECT
    m.user_id, m.thread_id,
    CASE WHEN t.history_all THEN 0 ELSE w.joined END AS low,
    coalesce(w.left_position, (SELECT k.position FROM view_checkpoints k WHERE k.view = 'threads')) AS high
FROM view_members m
JOIN view_threads t ON t.thread_id = m.thread_id
JOIN view_members w ON w.thread_id = m.thread_id AND w.user_id = m.user_id AND (w.left_position IS NULL OR NOT t.history_all)
WHERE m.left_position IS NULL;

-- One entry of a timeline as a user sees it who may see it. A part of the statements that call it: it is put in their place when they are planned.
CREATE FUNCTION view_entry(of_thread uuid, at_position bigint, looker uuid) RETURNS TABLE (
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
    -- With the offset the windows are looked up for each quote, and not for everybody first.
    LEFT JOIN LATERAL (
        SELECT a.by_user, a.body, a.deleted FROM view_timeline a
        WHERE a.message_id = t.reply_to AND a.thread_id = t.thread_id AND EXISTS (
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

-- Empties a view.
CREATE FUNCTION reset_view(name text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- The row of the checkpoint is what batches and resets take turns by. Rows are deleted, not truncated: that would lock whole tables,
    -- in another order than a batch does, and the two would wait for each other.
    UPDATE view_checkpoints SET position = 0 WHERE view = name;
    CASE name
        WHEN 'threads' THEN
            DELETE FROM view_threads;
            DELETE FROM view_members;
            DELETE FROM view_bans;
            DELETE FROM view_invites;
            DELETE FROM view_subscriptions;
        WHEN 'timeline' THEN
            DELETE FROM view_timeline;
            DELETE FROM view_pins;
            DELETE FROM view_reactions;
        WHEN 'people' THEN
            DELETE FROM view_profiles;
            DELETE FROM view_friends;
    END CASE;
END
$$;

REVOKE ALL ON FUNCTION reset_view, view_entry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reset_view, view_entry TO posthaste_server;
REVOKE INSERT, UPDATE, DELETE ON view_windows FROM posthaste_server;
GRANT SELECT ON view_windows TO posthaste_server;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON view_threads, view_members, view_bans, view_invites, view_subscriptions, view_timeline, view_pins, view_reactions, view_profiles, view_friends
    TO posthaste_server;
