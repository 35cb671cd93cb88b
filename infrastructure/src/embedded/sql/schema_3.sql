-- Beyond what a device has acknowledged, this far was sent to it.
ALTER TABLE cursors ADD COLUMN sent_position INTEGER NOT NULL DEFAULT 0;

-- When what a device did not acknowledge soon was sent to it: no two of a device overlap.
CREATE TABLE cursor_sends (
    user_id       BLOB    NOT NULL,
    device_id     BLOB    NOT NULL,
    from_position INTEGER NOT NULL,
    to_position   INTEGER NOT NULL,
    sent_at       INTEGER NOT NULL, -- microseconds since 1970, UTC
    PRIMARY KEY (user_id, device_id, to_position)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER cursor_sends_are_not_changed BEFORE UPDATE ON cursor_sends BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
CREATE TRIGGER cursor_sends_are_not_deleted BEFORE DELETE ON cursor_sends BEGIN SELECT RAISE(ABORT, 'history only grows'); END;

-- Who was in a thread at a position, in the order of users.
CREATE INDEX event_users_by_thread ON event_users (thread_id, user_id, position, change) WHERE change IS NOT NULL;

-- How far somebody has read a thread: a stream of its own for each of them.
CREATE INDEX events_by_reading ON events (stream_id, json_extract(facts, '$.upto')) WHERE event_type = 'subscription.read';
