-- The views: what people ask, kept from the log. Each can be emptied and built anew.

-- The threads of each user, by their last activity. One row for each member: a list is one range of one index.
CREATE TABLE view_thread_lists (
    user_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    activity bigint NOT NULL,
    PRIMARY KEY (user_id, thread_id)
);
CREATE INDEX view_thread_lists_activity ON view_thread_lists (user_id, activity DESC) INCLUDE (thread_id);

-- What the lists show of a thread.
CREATE TABLE view_threads (
    thread_id uuid PRIMARY KEY,
    low_user uuid NOT NULL,
    high_user uuid NOT NULL,
    active_at timestamptz NOT NULL,
    -- Of the last message: set together, but that an erased text is null.
    message_position bigint,
    message_author uuid,
    message_text text
) WITH (fillfactor = 70); -- Every message writes its thread's row, within its page if there is room.

CREATE TABLE view_timeline (
    thread_id uuid NOT NULL,
    position bigint NOT NULL,
    message_id uuid NOT NULL,
    author uuid NOT NULL,
    posted_at timestamptz NOT NULL,
    body text,
    PRIMARY KEY (thread_id, position)
);

-- Memberships, also those that have ended.
CREATE TABLE view_members (
    thread_id uuid NOT NULL,
    user_id uuid NOT NULL,
    joined_position bigint NOT NULL,
    left_position bigint,
    PRIMARY KEY (thread_id, user_id, joined_position)
);
CREATE INDEX view_members_current ON view_members (thread_id, joined_position, user_id) WHERE left_position IS NULL;

-- One row for each pair, whichever side asks.
CREATE TABLE view_friendships (
    friendship_id uuid PRIMARY KEY,
    requester uuid NOT NULL,
    addressee uuid NOT NULL,
    accepted boolean NOT NULL,
    since bigint NOT NULL,
    since_at timestamptz NOT NULL
);
CREATE INDEX view_friendships_requester ON view_friendships (requester, accepted, since DESC);
CREATE INDEX view_friendships_addressee ON view_friendships (addressee, accepted, since DESC);

-- How users are called; who was erased has no row.
CREATE TABLE view_profiles (
    user_id uuid PRIMARY KEY,
    username text NOT NULL,
    display_name text NOT NULL
);

INSERT INTO view_checkpoints (view, position) VALUES ('threads', 0), ('timeline', 0), ('members', 0), ('friends', 0);

-- Empties a view.
CREATE FUNCTION reset_view(name text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- The row of the checkpoint is what batches and resets take turns by. Rows are deleted, not truncated: that would lock whole tables,
    -- in another order than a batch does, and the two would wait for each other.
    UPDATE view_checkpoints SET position = 0 WHERE view = name;
    CASE name
        WHEN 'threads' THEN
            DELETE FROM view_thread_lists;
            DELETE FROM view_threads;
        WHEN 'timeline' THEN
            DELETE FROM view_timeline;
        WHEN 'members' THEN
            DELETE FROM view_members;
        WHEN 'friends' THEN
            DELETE FROM view_friendships;
            DELETE FROM view_profiles;
    END CASE;
END
$$;

REVOKE ALL ON FUNCTION reset_view FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reset_view TO posthaste_server;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON view_thread_lists, view_threads, view_timeline, view_members, view_friendships, view_profiles TO posthaste_server;
