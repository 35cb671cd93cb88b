-- The truth. Nothing in it is ever changed: see the triggers below.
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    category    TEXT    NOT NULL,
    stream_id   BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    event_type  TEXT    NOT NULL,
    schema      INTEGER NOT NULL,
    facts       TEXT    NOT NULL,
    content     BLOB,
    thread_id   BLOB,
    actor       BLOB,
    command_id  BLOB    NOT NULL,
    ordinal     INTEGER NOT NULL,
    fingerprint BLOB    NOT NULL,
    correlation BLOB    NOT NULL,
    causation   BLOB,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    hash        BLOB    NOT NULL
) STRICT;

-- The three that earn their write: a stream is read and checked, a command is recognised, a thread is read by its members.
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, category, version);
CREATE UNIQUE INDEX events_by_command ON events (command_id, ordinal);
CREATE INDEX events_by_thread ON events (thread_id) WHERE thread_id IS NOT NULL;

-- Who is named by an event, and what becomes of their membership of its thread.
CREATE TABLE event_users (
    user_id   BLOB    NOT NULL,
    position  INTEGER NOT NULL,
    thread_id BLOB,
    change    TEXT CHECK (change IN ('joined', 'left')),
    PRIMARY KEY (user_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_users_by_change ON event_users (user_id, position, thread_id, change) WHERE change IS NOT NULL;

CREATE TABLE log_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;

INSERT INTO log_head VALUES (1, 0, zeroblob(32));

CREATE TABLE cursors (
    user_id   BLOB    NOT NULL,
    device_id BLOB    NOT NULL,
    position  INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    PRIMARY KEY (user_id, device_id)
) STRICT, WITHOUT ROWID;

-- How each cursor came to where it is: contiguous, so one move at most of a device covers an event.
CREATE TABLE cursor_moves (
    user_id       BLOB    NOT NULL,
    device_id     BLOB    NOT NULL,
    from_position INTEGER NOT NULL,
    to_position   INTEGER NOT NULL,
    moved_at      INTEGER NOT NULL, -- microseconds since 1970, UTC
    PRIMARY KEY (user_id, device_id, to_position)
) STRICT, WITHOUT ROWID;

CREATE TABLE relay_lease (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    epoch      INTEGER NOT NULL,
    holder     BLOB,
    held_until INTEGER NOT NULL, -- microseconds since 1970, UTC
    checkpoint INTEGER NOT NULL
) STRICT;

INSERT INTO relay_lease VALUES (1, 0, NULL, 0, 0);

CREATE TABLE credentials (
    user_id       BLOB PRIMARY KEY,
    email         TEXT NOT NULL,
    password_hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER event_users_are_not_changed BEFORE UPDATE ON event_users BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER event_users_are_not_deleted BEFORE DELETE ON event_users BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER cursor_moves_are_not_changed BEFORE UPDATE ON cursor_moves BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
CREATE TRIGGER cursor_moves_are_not_deleted BEFORE DELETE ON cursor_moves BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
