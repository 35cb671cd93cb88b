-- How far each device has come, and how it got there.

CREATE TABLE cursors (
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    position bigint NOT NULL,
    -- Where the device started: what is at or below was never meant for it.
    opened_position bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, device_id)
) WITH (fillfactor = 70); -- Leaves room to move a cursor within its page, so that no index entry is written for it.

CREATE TABLE cursor_moves (
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint NOT NULL CHECK (to_position > from_position),
    moved_at timestamptz NOT NULL,
    -- Finds the first move that reached an event.
    PRIMARY KEY (user_id, device_id, to_position)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cursor_moves EXECUTE FUNCTION refuse_change();
ALTER TABLE cursor_moves ENABLE ALWAYS TRIGGER append_only;

GRANT SELECT, INSERT, UPDATE ON cursors TO posthaste_server;
GRANT SELECT, INSERT ON cursor_moves TO posthaste_server;
