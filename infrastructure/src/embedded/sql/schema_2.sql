-- What joining a thread may take, as PHC strings. Never in the log, never in a view.
CREATE TABLE passcodes (
    passcode_id BLOB PRIMARY KEY,
    hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who tried which thread's passcode, by which command, and when (in microseconds).
CREATE TABLE passcode_attempts (
    user_id BLOB NOT NULL,
    thread_id BLOB NOT NULL,
    command_id BLOB NOT NULL,
    attempted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, thread_id, command_id)
) STRICT, WITHOUT ROWID;

-- Finds out which messages were deleted, before they are told again. Costs nothing to any other event.
CREATE INDEX events_by_deletion ON events (stream_id, position) WHERE event_type IN ('message.deleted', 'thread.messages_deleted');
